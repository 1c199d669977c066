/* sim.h - simulated GSM modems: cards, message stores, ptys, faults, the AT interpreter. */
#ifndef SIM_H
#define SIM_H

#include "sim_pdu.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
	SIM_MODEMS_MAX = 1024,
	SIM_LINE_MAX = 512,       /* a command line; longer ones are cut */
	SIM_RX_MAX = 4096,        /* bytes from the host not yet looked at; the rest is lost */
	SIM_TX_MAX = 1024 * 1024, /* bytes to the host not yet taken; the rest is lost */
	SIM_STORE_MAX = 250,      /* entries in one memory */
	SIM_QUEUE_MAX = 100000,   /* texts the network keeps for one card */
};

enum sim_family { SIM_FAMILY_SIM800, SIM_FAMILY_GENERIC };
enum sim_echo { SIM_ECHO_ON, SIM_ECHO_OFF, SIM_ECHO_STICKY };
enum sim_memory { SIM_MEMORY_SM, SIM_MEMORY_ME };

/* How a text that is not stored is shown. */
enum sim_as { SIM_AS_CMT, SIM_AS_CDS, SIM_AS_CBM };

/* How a listing's entry is printed. */
enum sim_shape {
	SIM_SHAPE_USUAL,
	SIM_SHAPE_THREE,    /* no field for the name */
	SIM_SHAPE_ONE_LINE, /* the PDU behind the header */
	SIM_SHAPE_NAME,     /* a name with commas in it */
	SIM_SHAPE_QUOTES,   /* a name with a quote that is never closed */
	SIM_SHAPE_TIGHT,    /* no blank behind the colon, no name */
	SIM_SHAPE_FILLED,   /* FF up to the end of the card's record */
	SIM_SHAPES
};

/* One stored or queued message. */
struct sim_text {
	struct sim_text *next;
	size_t tpdu_len;
	uint8_t stat; /* 0 unread, 1 read */
	bool listed;  /* the host has been shown it */
	bool shown;   /* by +CMT or +CDS, and not acknowledged */
	enum sim_as as;
	char hex[];
};

struct sim_store {
	struct sim_text **slots;
	unsigned size, used;
};

/* A card outlives the modem that holds it; what waits for it waits at the network. */
struct sim_card {
	struct sim_card *next;
	struct sim_modem *holder;
	char iccid[21], imsi[16], number[20];
	char pin[9];                   /* "": it asks for none */
	unsigned pin_tries, pin_wrong; /* left; given in all */
	struct sim_store sm;
	struct sim_text *queue, **queue_tail;
	unsigned queued;
	uint8_t ref; /* of the last concatenated text */
};

struct sim_counts {
	uint64_t injected;         /* PDUs that came from the network, stored or not */
	uint64_t direct;           /* of these, shown by +CMT, +CDS, +CBM and never stored */
	uint64_t acks;             /* AT+CNMA that was waited for */
	uint64_t acks_refused;     /* and that was not, or that a fault refused */
	uint64_t unacked;          /* times that no AT+CNMA came in time */
	uint64_t shown_again;      /* after that */
	uint64_t listed;           /* entries shown at least once */
	uint64_t deleted;          /* entries removed by the host */
	uint64_t deleted_unlisted; /* of these, entries never shown */
	uint64_t deleted_empty;    /* deletes of a free index */
	uint64_t deleted_blanket;  /* deletes with a flag that names no single index */
	uint64_t commands, unknown;
	uint64_t lost_tx, lost_rx; /* bytes */
};

struct sim_faults {
	bool silent, silent_armed, garbage, urc_in_list, no_ok, errors, endless;
	bool csms_refused, csms_no_mt;
	unsigned cnma_error, ack_ms, list_shape;
	unsigned silent_after, late_ms, cmgd_error, cmgd_lies, list_error, cms_busy;
	unsigned slow_bytes_s, chatter_ms;
};

/* What is shown and not stored. It belongs to the network until it is acknowledged. */
struct sim_direct {
	struct sim_text *queue;
	struct sim_text *waiting; /* for AT+CNMA, since +CSMS=1 */
	int64_t due_us, again_us; /* when that is given up; when it is shown again */
};

/* What a restart loses. */
struct sim_settings {
	bool echo, text_mode, csdt, ciurc, cops_numeric;
	uint8_t cmee, creg, cgreg, cereg, csms, cfun;
	uint8_t cnmi[5];
	enum sim_memory memory[3];
};

struct sim_modem {
	struct sim_world *world;
	unsigned index;
	char name[12]; /* m000 */
	char imei[16];
	int master, slave;     /* -1: unplugged */
	struct sim_card *card; /* the one in the holder, or the one last in it */
	bool sim_in, unlocked; /* unlocked: the PIN was given since the card has power */
	int network;           /* what +CREG would say with card and radio on */
	int stat_said;
	struct sim_store me;
	struct sim_settings set;
	struct sim_faults faults;
	struct sim_counts counts;
	struct sim_direct direct;

	bool held;                      /* a command waits for held_until_us */
	bool reboot_after, radio_after; /* follow the final result */
	bool blocked;                   /* the pty takes no more */
	int active_at;                  /* place in world->active, or -1 */
	bool listing;                   /* one that never ends is under way */
	int64_t held_until_us, next_tx_us, next_say_us;
	size_t rx_len, line_len;
	size_t tx_len, tx_at, tx_room;
	char *tx;
	char rx[SIM_RX_MAX];
	char line[SIM_LINE_MAX];
};

struct sim_world {
	const char *dir;
	const char *smsc;
	enum sim_family family;
	enum sim_echo echo;
	bool no_cnum, no_ccid, latency;
	unsigned count;
	unsigned sm_size, me_size;
	unsigned chunk_least, chunk_most; /* 0: unlimited */
	int zone;
	int epfd;
	uint64_t random;
	uint64_t marks;
	bool quit;
	struct sim_card *cards;
	unsigned cards_made;
	struct sim_modem *modems;
	struct sim_modem **active; /* those with something to send or a held command */
	unsigned active_count;
};

/* modemsim's own clock: monotonic microseconds. */
int64_t sim_now_us(void);
uint32_t sim_random(struct sim_world *world);

/* sim_modem.c: the pty and what goes through it */
int sim_modem_init(struct sim_world *world, unsigned index, struct sim_modem *modem);
void sim_modem_done(struct sim_modem *modem);
int sim_modem_plug(struct sim_modem *modem);
void sim_modem_unplug(struct sim_modem *modem);
void sim_modem_boot(struct sim_modem *modem);
void sim_modem_set_card(struct sim_modem *modem, bool in);
void sim_modem_announce(struct sim_modem *modem);
int sim_modem_stat(const struct sim_modem *modem);
bool sim_modem_sim_ready(const struct sim_modem *modem);
bool sim_modem_sim_asks(const struct sim_modem *modem); /* for its PIN or PUK */
void sim_modem_read(struct sim_modem *modem);
void sim_modem_writable(struct sim_modem *modem);
void sim_modem_clear(struct sim_modem *modem);
void sim_modem_activate(struct sim_modem *modem);

/* It has something to say by itself from now on. */
void sim_modem_chatter(struct sim_modem *modem);
void sim_modem_put(struct sim_modem *modem, const char *data, size_t len);
/* One line between CR LF pairs: an answer or an unsolicited code. */
void sim_modem_line(struct sim_modem *modem, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Sends and runs what is due; microseconds until the next is, 0 for at once, -1 for never. */
int64_t sim_world_turn(struct sim_world *world);

/* sim_at.c */
void sim_at_execute(struct sim_modem *modem, char *line);

/* sim_at_sms.c: the commands that see messages; results as in sim_at.h */

/* sim_direct.c */
/* From the network, to be shown as that. */
int sim_direct_put(struct sim_modem *modem, const struct sim_pdu *pdu, enum sim_as as);
/* Shows one that came for a memory; false, and the text stays the caller's, if it must wait. */
bool sim_direct_offer(struct sim_modem *modem, struct sim_text *text);
void sim_direct_pump(struct sim_modem *modem);
/* AT+CNMA; false if none is waited for. */
bool sim_direct_ack(struct sim_modem *modem);
/* A restart: what was not acknowledged comes again. */
void sim_direct_lost(struct sim_modem *modem);
/* Microseconds until something is due, -1: nothing. */
int64_t sim_direct_turn(struct sim_modem *modem, int64_t now_us);
void sim_direct_done(struct sim_modem *modem);

/* sim_store.c */
struct sim_text *sim_text_new(const struct sim_pdu *pdu);
struct sim_card *sim_card_new(struct sim_world *world, const char *iccid);
struct sim_card *sim_card_find(struct sim_world *world, const char *iccid);
void sim_cards_free(struct sim_world *world);
int sim_store_init(struct sim_store *store, unsigned size);
void sim_store_done(struct sim_store *store);
struct sim_store *sim_store_of(struct sim_modem *modem, enum sim_memory memory);
/* From the network: stored, shown, or kept until there is room. */
int sim_inject(struct sim_modem *modem, const struct sim_pdu *pdu);
/* Straight into the card as an old entry, with no word to the host. -ENOSPC when it is full. */
int sim_fill(struct sim_modem *modem, const struct sim_pdu *pdu);
/* Brings what waits at the network as far as there is room. */
void sim_pump(struct sim_modem *modem);
void sim_store_delete(struct sim_store *store, unsigned slot);

/* sim_control.c */
void sim_control_line(void *arg, char *line, FILE *reply);

#endif
