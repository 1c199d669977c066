/* log_events.c - the journal's MESSAGE_ID of each kind of event. An id stays what it is for ever.
 */
#include <stddef.h>
#include <string.h>

#include "base/log_impl.h"

static const struct {
	const char *event, *id;
} events[] = {
	{ "port_found", "9408f948c2ee472e8cd222d02148d940" },
	{ "port_lost", "fbfe929c5e7d4963b64ad1b45d0855b5" },
	{ "port_open_hung", "88a266e3975c4542b57c4f6b52a76052" },
	{ "state", "7bb0894809ea4bdf87501200dcef6e73" },
	{ "registered", "1d34ce1c421e4bda92c91b37efd0039b" },
	{ "denied", "3440fd00e0424d7fbfe28b17847c57f5" },
	{ "sim_in", "57d93769db1148169005f382ce1f8b34" },
	{ "sim_out", "d7c35a1f8d4542c6a58a42fa9a489dc8" },
	{ "sim_changed", "50c220419162404fb5576766021f0ea4" },
	{ "pin_refused", "7cfc20f5d2c74d26a19c95f03fb40259" },
	{ "number_known", "b5a17e124f7044bdbb3f093defca0caa" },
	{ "number_conflict", "ced4f33a186b4c5b93b28058a61ffbfd" },
	{ "sms_received", "17e54319699240a9abe85517381fb9c6" },
	{ "sms_stored", "e1d8344c11ad404d9d21902c760bc39d" },
	{ "sms_undecodable", "5c527108fa9f4cc49aa2099cf98895e6" },
	{ "sms_filtered", "b8926e29ddf045cf8a91c29560737fd5" },
	{ "sms_delivered", "89188c51c5634d5a83d0e3899a952a92" },
	{ "sms_refused", "940483a64d3a4329802b9c2f7207500e" },
	{ "sms_lost", "0e29d6b660da47f288949d628945052e" },
	{ "store_failed", "d5e1d88bb1b04c1a8a4eefb373f60caa" },
	{ "store_ok", "fb01b406e09d409b857b211b64211120" },
	{ "recovery", "59c927541f2b483e90071b065f472263" },
	{ "recovered", "9194b3dd50ea40b9b1aea304185b805c" },
	{ "quarantined", "50b3004d7148469ea3869574ce03192c" },
	{ "hub_trouble", "d720888f4ec24ab695e78788a200bf3d" },
	{ "platform_down", "d41c564e069140a49d496cfc7bc61322" },
	{ "platform_up", "914479779b4340a58fc5254304bb3793" },
	{ "platform_account", "5af48e7c28bc4bdd802431a7bfa616b7" },
	{ "roster_sent", "f21915bf7bb948ba99e2ec199ff7dec0" },
	{ "roster_blocked", "44e4e388d567437faa5a1c9f2dd34151" },
	{ "order", "c85887c1a2674fc29f234ade8bcb1add" },
	{ "finish", "2080e46c08f543ff90b043e1dd9075c7" },
	{ "resync", "6d395d6ae5714d7dab0563e9bc34b672" },
	{ "summary", "31e62dc6787045499fa785cb14402881" },
	{ "leader_gained", "956761a3882547f483e83d3562730832" },
	{ "leader_lost", "a0dc7437e30c4c1597bf609566f3a412" },
	{ "host_joined", "30395176f2b34ec8bf485fd8c81c2bee" },
	{ "host_stale", "bf4bebbb45884d53a664ddaf32462df6" },
	{ "bank_denied", "19f0581e164547e690a0d62be019bf15" },
	{ "bank_claimed", "217f9f557c8843c2a9e10df17aa2dfea" },
	{ "draining", "93607d84903b46bc81a4fe4acc8fc975" },
	{ "drained", "5c610d25f50e4529acbfe2eb04fb906b" },
	{ "resumed", "f18c29ca48ad49c68cbb9ac3a3f926fb" },
};

const char *log_event_id(const char *event)
{
	for (size_t i = 0; i < sizeof events / sizeof *events; i++)
		if (strcmp(events[i].event, event) == 0)
			return events[i].id;
	return NULL;
}
