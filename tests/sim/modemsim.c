/* modemsim.c - plays any number of GSM modems on ptys, with scripted faults. */
#include "ctl.h"
#include "sim.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EVENTS_MAX = 64 };

struct options {
	const char *control;
	long idle_exit_s;
	struct sim_world world;
};

static const char usage[] =
	"modemsim --dir DIR --count N [options]\n"
	"  --family NAME,NAME...     firmware to play, dealt round (sim800); --families lists "
	"them\n"
	"  --echo on|off|sticky      echo at power-up; sticky: ATE0 has no effect (on)\n"
	"  --ends crlf|lf|crcrlf     around all lines, in place of what the family has\n"
	"  --chunk LEAST-MOST        bytes written in one turn\n"
	"  --smsc NUMBER  --zone QUARTERS   service centre and its time zone\n"
	"  --sim-size N  --me-size N        entries of each card (20), of each modem (the "
	"family's)\n"
	"  --own cnum|phonebook|none        where the own number is (cnum); --no-cnum: none\n"
	"  --no-ccid                        no ICCID by any command\n"
	"  --pin DIGITS              all cards ask for it\n"
	"  --imei same               one IMEI for all\n"
	"  --boot PERCENT            of a real one's time to start up (0: at once)\n"
	"  --links DIR               names by place there, which stay when those in --dir permute\n"
	"  --interfaces N  --codes-on N     AT ports of a modem: m000, m000-if1...; which one "
	"shows\n"
	"                            unsolicited codes (0)\n"
	"  --control PATH            unix socket for commands; standard input takes them too\n"
	"  --rows N  --wired order|reverse  a SIM bank: cards behind each modem, control ttys\n"
	"                            DIR/bank1 and on, one per eight modems\n"
	"  --seed N  --idle-exit S  --latency\n"
	"commands: sms I SENDER TEXT | parts I SENDER REF TOTAL SEQ TEXT | pdu I HEX\n"
	"  flash I SENDER TEXT | report I | page I TEXT | show I HEX     (+CMT, +CDS, +CBM, +CMT)\n"
	"  burst COUNT PREFIX | fill I N | mark I | fault I NAME [N] | clear I | say I LINE\n"
	"  sim I out|in|swap [ICCID] | pin I DIGITS|off | reg I STAT | codes I INTERFACE\n"
	"  hangup I | plug I | reboot I | reenumerate I [GAP_MS] | permute [GAP_MS]\n"
	"  bank [fault N silent|clear|lies N|wrong N|busy MS] | bank empty|other I ROW\n"
	"  post I ROW SENDER TEXT    (to a card of the bank, in a modem or not)\n"
	"  stats [I] | left | cards | quit        (I: 0, m000 or * for all)\n"
	"faults: silent silent_after N garbage urc_in_list no_ok late MS cmgd_error N cmgd_lies N\n"
	"  list_error N cms_busy N slow_baud BYTES_PER_S; a restart ends silence\n"
	"  endless (AT+CMGL does not end)  hang_list N (half an entry, then silence; N times)\n"
	"  deaf (AT+CMGL shows nothing)  error_storm  reboots EVERY_MS  busy MS (texts, now and\n"
	"  after each restart)  glued N  split N (lines of answers)  sticky_echo  no_codes\n"
	"  heals N (what ends deaf, endless, garbage, error_storm, list_error, hang_list: 1 radio\n"
	"  off and on, 2 a restart, 3 being unplugged and plugged; 0: clear alone)\n"
	"  csms_refused csms_no_mt cnma_error N ack_ms MS (10000: patience of the network)\n"
	"  list_shape N (1 three fields, 2 one line, 3 name with commas, 4 with a lone quote,\n"
	"  5 no blanks, 6 filled up with FF, 7 status in letters)\n"
	"  cmti_form N (1 index -1, 2 no memory, 3 memory 0)\n"
	"  ussd_form N (1 before the OK, 2 a release before it, 3 another client's before it)\n";

static bool number(const char *text, long least, long most, unsigned *out)
{
	long v;

	if (!ctl_number(text, least, most, &v))
		return false;
	*out = (unsigned)v;
	return true;
}

static bool parse_chunk(const char *text, struct sim_world *world)
{
	char least[16];
	const char *dash = strchr(text, '-');

	if (!dash || (size_t)(dash - text) >= sizeof(least))
		return false;
	memcpy(least, text, (size_t)(dash - text));
	least[dash - text] = '\0';
	return number(least, 1, 65536, &world->chunk_least) &&
	       number(dash + 1, world->chunk_least, 65536, &world->chunk_most);
}

static bool parse_word(const char *text, const char *const *names, int *out)
{
	for (int i = 0; names[i]; i++) {
		if (strcmp(text, names[i]) == 0) {
			*out = i;
			return true;
		}
	}
	return false;
}

/* NAME,NAME,... */
static bool parse_families(const char *text, struct sim_world *world)
{
	world->family_count = 0;
	for (size_t len; *text; text += len + (text[len] == ',')) {
		const struct sim_profile *profile;
		len = strcspn(text, ",");
		profile = sim_profile_named(text, (unsigned)len);
		if (!profile || world->family_count == SIM_FAMILIES_MAX)
			return false;
		world->families[world->family_count++] = profile;
	}
	return world->family_count > 0;
}

static bool parse_option(struct options *o, int which, const char *arg)
{
	static const char *const ends[] = { "crlf", "lf", "crcrlf", NULL };
	static const char *const end_bytes[] = { "\r\n", "\n", "\r\r\n" };
	static const char *const wirings[] = { "order", "reverse", NULL };
	static const char *const owns[] = { "cnum", "phonebook", "none", NULL };
	static const char *const echoes[] = { "on", "off", "sticky", NULL };
	struct sim_world *w = &o->world;
	unsigned seed, size;
	long zone;
	int word = 0;
	bool ok = true;

	switch (which) {
	case 'd': w->dir = arg; break;
	case 'n': ok = number(arg, 1, SIM_MODEMS_MAX, &w->count); break;
	case 'f': ok = parse_families(arg, w); break;
	case 'e':
		ok = parse_word(arg, echoes, &word);
		w->echo = (enum sim_echo)word;
		break;
	case 'c': ok = parse_chunk(arg, w); break;
	case 's': w->smsc = arg; break;
	case 'z':
		ok = ctl_number(arg, -48, 56, &zone);
		w->zone = ok ? (int)zone : 0;
		break;
	case 'S': ok = number(arg, 0, SIM_STORE_MAX, &w->sm_size); break;
	case 'M':
		ok = number(arg, 0, SIM_STORE_MAX, &size);
		w->me_size = ok ? (int)size : 0;
		break;
	case 'N': w->own = SIM_OWN_NONE; break;
	case 'o':
		ok = parse_word(arg, owns, &word);
		w->own = (enum sim_own)word;
		break;
	case 'p':
		ok = strlen(arg) >= 4 && strlen(arg) <= 8 &&
		     strspn(arg, "0123456789") == strlen(arg);
		w->pin = arg;
		break;
	case 'i':
		ok = strcmp(arg, "same") == 0;
		w->one_imei = true;
		break;
	case 'b': ok = number(arg, 0, 1000, &w->boot_percent); break;
	case 'E':
		ok = parse_word(arg, ends, &word);
		w->ends = end_bytes[word];
		break;
	case 'L': w->links = arg; break;
	case 'F': ok = number(arg, 1, SIM_INTERFACES_MAX, &w->interfaces); break;
	case 'O': ok = number(arg, 0, SIM_INTERFACES_MAX - 1, &w->codes_on); break;
	case 'I': w->no_ccid = true; break;
	case 'C': o->control = arg; break;
	case 'r':
		ok = number(arg, 1, 1000000000, &seed);
		w->random = ok ? seed : 1;
		break;
	case 'R': ok = number(arg, 1, 9999, &w->rows); break;
	case 'W':
		ok = parse_word(arg, wirings, &word);
		w->reversed = word == 1;
		break;
	case 'x': ok = ctl_number(arg, 1, 1000000, &o->idle_exit_s); break;
	case 'l': w->latency = true; break;
	default: ok = false; break;
	}
	return ok;
}

static bool parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "dir", required_argument, NULL, 'd' },
		{ "count", required_argument, NULL, 'n' },
		{ "family", required_argument, NULL, 'f' },
		{ "echo", required_argument, NULL, 'e' },
		{ "chunk", required_argument, NULL, 'c' },
		{ "smsc", required_argument, NULL, 's' },
		{ "zone", required_argument, NULL, 'z' },
		{ "sim-size", required_argument, NULL, 'S' },
		{ "me-size", required_argument, NULL, 'M' },
		{ "own", required_argument, NULL, 'o' },
		{ "pin", required_argument, NULL, 'p' },
		{ "imei", required_argument, NULL, 'i' },
		{ "boot", required_argument, NULL, 'b' },
		{ "ends", required_argument, NULL, 'E' },
		{ "links", required_argument, NULL, 'L' },
		{ "interfaces", required_argument, NULL, 'F' },
		{ "codes-on", required_argument, NULL, 'O' },
		{ "no-cnum", no_argument, NULL, 'N' },
		{ "no-ccid", no_argument, NULL, 'I' },
		{ "control", required_argument, NULL, 'C' },
		{ "seed", required_argument, NULL, 'r' },
		{ "rows", required_argument, NULL, 'R' },
		{ "wired", required_argument, NULL, 'W' },
		{ "idle-exit", required_argument, NULL, 'x' },
		{ "latency", no_argument, NULL, 'l' },
		{ 0 },
	};
	int which;

	while ((which = getopt_long(argc, argv, "", longs, NULL)) != -1)
		if (!parse_option(o, which, optarg))
			return false;
	return optind == argc && o->world.dir && o->world.count > 0 &&
	       o->world.codes_on < o->world.interfaces;
}

static int add(int epfd, int fd, void *who)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = who };

	return epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

static int catch_signals(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

/* Two descriptors a modem pass the usual soft limit. */
static void raise_limit(void)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim) == 0) {
		lim.rlim_cur = lim.rlim_max;
		setrlimit(RLIMIT_NOFILE, &lim);
	}
}

static int world_open(struct sim_world *world)
{
	mkdir(world->dir, 0755);
	if (world->links)
		mkdir(world->links, 0755);
	world->epfd = epoll_create1(EPOLL_CLOEXEC);
	world->modems = calloc(world->count, sizeof(*world->modems));
	world->active = calloc(world->count, sizeof(*world->active));
	if (world->epfd < 0 || !world->modems || !world->active)
		return -ENOMEM;
	for (unsigned i = 0; i < world->count; i++) {
		int rc = sim_modem_init(world, i, &world->modems[i]);
		if (rc < 0) {
			fprintf(stderr, "modemsim: modem %u: %s\n", i, strerror(-rc));
			world->count = i + 1;
			return rc;
		}
	}
	if (world->rows > 0)
		world->bank = sim_bank_new(world, world->rows, world->reversed);
	return world->rows > 0 && !world->bank ? -ENOMEM : 0;
}

static void world_close(struct sim_world *world)
{
	sim_bank_free(world->bank);
	for (unsigned i = 0; world->modems && i < world->count; i++)
		sim_modem_done(&world->modems[i]);
	sim_cards_free(world);
	free(world->modems);
	free(world->active);
	if (world->epfd >= 0)
		close(world->epfd);
}

/* How long one wait may be: until the next thing is due, or until idleness ends the program. */
static int wait_ms(int64_t turn_us, int64_t idle_until_us)
{
	int64_t us = turn_us;

	if (idle_until_us > 0 && us != 0) {
		int64_t left = idle_until_us - sim_now_us();
		left = left > 0 ? left : 0;
		us = us < 0 || left < us ? left : us;
	}
	return us < 0 ? -1 : (int)((us + 999) / 1000);
}

static void run(struct options *o, struct ctl *ctl)
{
	struct sim_world *world = &o->world;
	struct epoll_event evs[EVENTS_MAX];
	int64_t turn_us = 0, idle_until_us = 0;
	bool busy = true;

	while (!world->quit) {
		if (o->idle_exit_s > 0 && busy)
			idle_until_us = sim_now_us() + o->idle_exit_s * 1000000;
		else if (o->idle_exit_s > 0 && sim_now_us() >= idle_until_us)
			return;
		int n = epoll_wait(world->epfd, evs, EVENTS_MAX, wait_ms(turn_us, idle_until_us));
		busy = false;
		for (int i = 0; i < n; i++) {
			if (!evs[i].data.ptr) /* a signal */
				return;
			if (evs[i].data.ptr == ctl) {
				busy |= ctl_turn(ctl) > 0;
				continue;
			}
			if (sim_bank_read(world->bank, evs[i].data.ptr))
				continue;
			struct sim_channel *channel = evs[i].data.ptr;
			if (evs[i].events & EPOLLOUT)
				sim_channel_writable(channel);
			if (evs[i].events & EPOLLIN)
				sim_channel_read(channel);
			busy = true;
		}
		turn_us = sim_world_turn(world);
	}
}

int main(int argc, char **argv)
{
	struct options o = {
		.world = { .smsc = "+46708000708",
			.pin = "",
			.families = { sim_profile_named("sim800", 6) },
			.family_count = 1,
			.interfaces = 1,
			.sm_size = 20,
			.me_size = -1,
			.zone = 4,
			.epfd = -1,
			.random = 1 },
	};
	struct ctl *ctl = NULL;
	int signals, status = EXIT_FAILURE;

	if (argc == 2 && strcmp(argv[1], "--families") == 0) {
		for (const struct sim_profile *const *p = sim_profiles; *p; p++)
			puts((*p)->name);
		return EXIT_SUCCESS;
	}
	if (!parse_options(argc, argv, &o)) {
		fputs(usage, stderr);
		return 2;
	}
	o.world.random = o.world.random * 0x9e3779b97f4a7c15u;
	raise_limit();
	signals = catch_signals();
	if (signals < 0 || world_open(&o.world) < 0)
		goto out;
	ctl = ctl_new(o.control, true, sim_control_line, &o.world);
	if (!ctl || add(o.world.epfd, ctl_fd(ctl), ctl) < 0 ||
		add(o.world.epfd, signals, NULL) < 0) {
		fputs("modemsim: cannot listen for commands\n", stderr);
		goto out;
	}
	printf("ready %u\n", o.world.count);
	fflush(stdout);
	run(&o, ctl);
	status = EXIT_SUCCESS;
out:
	ctl_free(ctl);
	world_close(&o.world);
	return status;
}
