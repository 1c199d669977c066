/* sim.h - simulated GSM modems: cards, message stores, ptys, faults, the AT interpreter. */
#ifndef SIM_H
#define SIM_H

#include "sim_pdu.h"
#include "sim_profile.h"

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
	SIM_INTERFACES_MAX = 8,
	SIM_CHATTER_MAX = 4,
	SIM_PIN_TRIES = 3,
	SIM_NOTES_MAX = 8, /* lines that come behind a final result */
	SIM_NOTE_MAX = 400,
};

enum sim_echo { SIM_ECHO_ON, SIM_ECHO_OFF, SIM_ECHO_STICKY };

/* Where a card has its own number. */
enum sim_own { SIM_OWN_CNUM, SIM_OWN_PHONEBOOK, SIM_OWN_NONE };

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
	SIM_SHAPE_LETTERS,  /* the status as in text mode */
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
	char pin[9];                   /* "": none is asked for */
	unsigned pin_tries, pin_wrong; /* left; wrong ones given in all */
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
	uint64_t ignored_rx;       /* bytes that came while nobody listened */
};

struct sim_faults {
	bool silent, silent_armed, garbage, urc_in_list, no_ok, csms_refused, csms_no_mt;
	bool endless, deaf, error_storm, sticky_echo, no_codes;
	unsigned cnma_error, ack_ms, list_shape, cmti_form, ussd_form;
	unsigned silent_after, late_ms, cmgd_error, cmgd_lies, list_error, cms_busy;
	unsigned slow_bytes_s, hang_list, heals, glued, split, busy_ms, reboot_every_ms;
};

/* What is shown and not stored. It belongs to the network until it is acknowledged. */
struct sim_direct {
	struct sim_text *queue;
	struct sim_text *waiting; /* for AT+CNMA, since +CSMS=1 */
	int64_t due_us, again_us; /* when that is given up; when it is shown again */
};

/* What a restart loses. */
struct sim_settings {
	bool text_mode, card_codes, full_codes, ciurc, cops_numeric, off_air, ucs2, phonebook_own;
	bool quiet; /* nothing is said unasked but for texts and network */
	uint8_t cmee, creg, cgreg, cereg, csms, cfun;
	uint8_t cnmi[5];
	bool chatter_off[SIM_CHATTER_MAX];
	enum sim_memory memory[3];
};

/* What a module does by itself, by the clock. */
struct sim_times {
	bool booting;
	unsigned boot_line;     /* of the profile's, to come next */
	int64_t boot_us;        /* when the power came */
	int64_t at_us;          /* commands are lost until then */
	int64_t sim_us, sms_us; /* card and texts answer with errors until then */
	int64_t pin_us;         /* and a word before this starts it anew */
	int64_t leave_us;       /* its devices go: what was said is out by then */
	int64_t back_us;        /* an unplugged one comes back; 0: not by itself */
	int64_t reboot_us;      /* starts anew, by a fault; 0: does not */
	int64_t storm_us;
	int64_t endless_us;
	int64_t chatter_us[SIM_CHATTER_MAX];
};

/* One AT port of a modem. */
struct sim_channel {
	struct sim_modem *modem;
	unsigned interface;
	int master, slave; /* -1: unplugged */
	bool echo;
	bool held;    /* a command waits for held_until_us */
	bool blocked; /* the pty takes no more */
	bool listing; /* a listing goes on for ever */
	unsigned endless_at;
	int64_t held_until_us, next_tx_us;
	size_t rx_len, line_len;
	size_t tx_len, tx_at, tx_room;
	char *tx;
	char rx[SIM_RX_MAX];
	char line[SIM_LINE_MAX];
};

struct sim_modem {
	struct sim_world *world;
	const struct sim_profile *profile;
	unsigned index;
	unsigned tty;  /* whose number its device bears; they permute */
	char name[12]; /* m000 */
	char imei[16];
	bool plugged;
	struct sim_channel *channels; /* world->interfaces of them */
	struct sim_channel *asked;    /* whose command is being answered, or NULL */
	unsigned codes_on;            /* the channel that shows unsolicited codes */
	struct sim_card *card;        /* the one in the holder, or the one last in it */
	bool sim_in;
	bool sim_stale;  /* changed behind the back of a module that does not look again */
	bool sim_locked; /* the PIN was not told yet */
	bool card_armed; /* the command for card codes was given; of use after a restart */
	bool full_said;
	int network; /* what +CREG would say with card and radio on */
	int stat_said;
	struct sim_store me, sr;
	struct sim_settings set;
	struct sim_times times;
	struct sim_faults faults;
	struct sim_counts counts;
	struct sim_direct direct;

	bool reboot_after, radio_after, off_after; /* follow the final result */
	unsigned note_count;
	char notes[SIM_NOTES_MAX][SIM_NOTE_MAX];
	int active_at; /* place in world->active, or -1 */
};

struct sim_world {
	const char *dir;
	const char *ends;  /* of all lines; NULL: the family's */
	const char *links; /* NULL: none by place */
	const char *smsc;
	const char *pin;                                      /* of all cards; "": none */
	const struct sim_profile *families[SIM_FAMILIES_MAX]; /* dealt round */
	unsigned family_count;
	enum sim_echo echo;
	enum sim_own own;
	bool no_ccid, latency, one_imei;
	unsigned count, interfaces, codes_on;
	unsigned boot_percent; /* of the time that a real one takes to start up */
	unsigned sm_size;
	int me_size;                      /* -1: the family's */
	unsigned chunk_least, chunk_most; /* 0: unlimited */
	int zone;
	int epfd;
	unsigned rows; /* of cards behind each modem; 0: there is no SIM bank */
	bool reversed; /* the last modem is wired to the first column */
	struct sim_bank *bank;
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

/* sim_channel.c: the ptys and what goes through them */
int sim_channel_open(struct sim_channel *channel);
void sim_channel_close(struct sim_channel *channel);
/* Drops what was read and what was not sent yet, and any answer on its way. */
void sim_channel_reset(struct sim_channel *channel, bool sent_too);
void sim_channel_read(struct sim_channel *channel);
void sim_channel_writable(struct sim_channel *channel);
/* Microseconds until there is more to do, 0 at once, -1 never. */
int64_t sim_channel_turn(struct sim_channel *channel, int64_t now_us);
void sim_put(struct sim_modem *modem, const char *data, size_t len);
/* One line of an answer, to the channel that asked; a code, to the channel that shows them. */
void sim_line(struct sim_modem *modem, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void sim_code(struct sim_modem *modem, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void sim_final(struct sim_modem *modem, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* A code that comes behind the final result of the command that is being answered. */
void sim_note(struct sim_modem *modem, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* sim_modem.c */
int sim_modem_init(struct sim_world *world, unsigned index, struct sim_modem *modem);
void sim_modem_done(struct sim_modem *modem);
int sim_modem_plug(struct sim_modem *modem);
void sim_modem_unplug(struct sim_modem *modem);
/* Its devices go, and come back some time later, started anew. */
void sim_modem_away(struct sim_modem *modem, int64_t us);
void sim_modem_set_card(struct sim_modem *modem, bool in);
void sim_modem_announce(struct sim_modem *modem);
int sim_modem_stat(const struct sim_modem *modem);
bool sim_modem_sim_ready(const struct sim_modem *modem);
void sim_modem_clear(struct sim_modem *modem);
void sim_modem_activate(struct sim_modem *modem);
/* What follows a final result. */
void sim_modem_after(struct sim_modem *modem);
/* Sends and runs what is due; microseconds until the next is, 0 for at once, -1 for never. */
int64_t sim_world_turn(struct sim_world *world);
/* All devices go; after gap_ms they come back under each other's names. */
void sim_world_permute(struct sim_world *world, unsigned gap_ms);

/* sim_boot.c: what a module does by the clock */
void sim_boot(struct sim_modem *modem);
void sim_boot_settings(struct sim_modem *modem);
/* A share of a span, as --boot says. */
int64_t sim_boot_span_us(const struct sim_modem *modem, unsigned ms);
bool sim_boot_sms_busy(const struct sim_modem *modem);
int64_t sim_boot_turn(struct sim_modem *modem, int64_t now_us);
void sim_say(struct sim_modem *modem, const struct sim_saying *sayings);

/* sim_links.c: the names of the devices */
int sim_links_make(const struct sim_channel *channel, const char *device);
void sim_links_remove(const struct sim_channel *channel);

/* sim_at.c */
void sim_at_execute(struct sim_channel *channel, char *line);

/* sim_at_list.c: the next entry of a listing that does not end */
void sim_list_endless(struct sim_channel *channel);

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
/* The entry at a place of a memory, and the store it is in; MT counts the card first. */
struct sim_store *sim_store_at(
	struct sim_modem *modem, enum sim_memory memory, unsigned place, unsigned *slot);
unsigned sim_store_size(struct sim_modem *modem, enum sim_memory memory);
unsigned sim_store_used(struct sim_modem *modem, enum sim_memory memory);
/* A status report into its own memory; false if there is none or no room. */
bool sim_store_report(struct sim_modem *modem, const struct sim_pdu *pdu);
/* From the network: stored, shown, or kept until there is room. */
int sim_inject(struct sim_modem *modem, const struct sim_pdu *pdu);
/* Straight into the card as an old entry, with no word to the host. -ENOSPC when it is full. */
int sim_fill(struct sim_modem *modem, const struct sim_pdu *pdu);
/* Brings what waits at the network as far as there is room. */
void sim_pump(struct sim_modem *modem);
void sim_store_delete(struct sim_store *store, unsigned slot);

/* sim_bank.c: NULL where a tty or memory is not to be had. */
struct sim_bank *sim_bank_new(struct sim_world *world, unsigned rows, bool reversed);
void sim_bank_free(struct sim_bank *bank);
/* Whether what epoll named is a control tty; it is served then. */
bool sim_bank_read(struct sim_bank *bank, const void *who);
void sim_bank_line(struct sim_bank *bank, char *args, FILE *reply);
/* The card in a row, a word, of a modem's column; NULL: none. */
struct sim_card *sim_bank_card(struct sim_bank *bank, unsigned modem, const char *word);

/* sim_control.c */
void sim_control_line(void *arg, char *line, FILE *reply);
/* "3", "m003" or "*" for all; false for a modem that is not there. */
bool sim_control_target(
	const struct sim_world *world, const char *word, unsigned *first, unsigned *end);

/* sim_faults.c */
enum sim_cure { SIM_CURE_RADIO = 1, SIM_CURE_RESTART, SIM_CURE_PLUG };
/* What was done to the modem ends what is healed by that or less. */
void sim_fault_cure(struct sim_modem *modem, enum sim_cure cure);
/* The error's text, or NULL. */
const char *sim_fault_set(struct sim_modem *modem, const char *name, const char *value);

/* sim_stats.c */
void sim_stats_run(struct sim_world *world, char *args, FILE *reply);
void sim_stats_cards(const struct sim_world *world, FILE *reply);
unsigned long sim_stats_left(const struct sim_world *world);

#endif
