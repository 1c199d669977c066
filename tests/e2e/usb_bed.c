/* usb_bed.c - a host's USB for one daemon, by umockdev: modules that are plugged and pulled.
 *
 * Run it under umockdev-wrapper: usb_bed PRELOAD PROGRAM ARGUMENTS... One command a line on
 * standard input, one answer a line; the program ends with it:
 *
 * start: runs the program, with PRELOAD loaded first
 *
 * plug PORTS FIRST AT CARD: an EC25 at these ports, ttyUSB<FIRST> and the next three, or those of a
 * list A,B,C,D; interface AT takes commands, with this card in it
 *
 * pull PORTS: an event, then its ttys hang up
 *
 * vanish PORTS: its ttys hang up and are gone, without an event
 *
 * hang PORTS FIRST: it is silent until its USB device is reset; then it goes and comes back as
 * ttyUSB<FIRST> and the next three
 *
 * text CARD PDU: a text in this card's memory
 *
 * cut CARD COUNT: its next listing stops behind so many whole entries and half of one more; its
 * module is silent from then on
 *
 * left CARD: how many texts are in its memory, behind the "ok" */
#include <errno.h>
#include <fcntl.h>
#include <linux/usbdevice_fs.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <umockdev.h>
#include <unistd.h>

#define PCI "/devices/pci0000:00/0000:00:14.0"
#define HUB PCI "/usb1/1-1"

enum {
	TTYS = 4,
	MODULES_MAX = 12,
	CARDS_MAX = 100,
	TEXTS_MAX = 16,
	PDU_SIZE = 360,
	QUIET_MS = 20,
	END_MS = 10000,
	LOST_MS = 2000,  /* a signal that waits for so long will not be heard */
	READ_MS = 30000, /* the program reads its events within this */
};

struct module {
	char ports[16];    /* "" : free */
	int numbers[TTYS]; /* of its ttyUSBs, by interface */
	int at, card;
	int masters[TTYS];
	bool silent;       /* hangs */
	int next;          /* then it is ttyUSB<next> after a reset; 0: as before */
	atomic_bool reset; /* by umockdev's thread */
	char node[40];     /* of its USB device */
	char line[200];
	size_t len;
};

struct card {
	char texts[TEXTS_MAX][PDU_SIZE]; /* "": free */
	int cut;                         /* 1 and the entries that its next listing shows; 0: all */
};

static UMockdevTestbed *bed;
static struct module modules[MODULES_MAX];
static struct card cards[CARDS_MAX];
static pid_t child;
static char said[20]; /* behind an "ok" */

static void die(const char *what, GError *error)
{
	fprintf(stderr, "usb_bed: %s: %s\n", what, error ? error->message : strerror(errno));
	exit(1);
}

static void add(const char *record)
{
	GError *error = NULL;

	if (!umockdev_testbed_add_from_string(bed, record, &error))
		die(record, error);
}

/* Events go through sockets that hold ten; umockdev dies where one is full. It waits instead. */
ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	ssize_t sent = syscall(SYS_sendmsg, fd, message, flags);

	for (int ms = 0; sent < 0 && errno == EAGAIN && ms < READ_MS; ms++) {
		usleep(1000);
		sent = syscall(SYS_sendmsg, fd, message, flags);
	}
	return sent;
}

/* "1.2": .../1-1/1-1.1/1-1.1.2 */
static void usb_path(const char *ports, char *out, size_t size)
{
	int len = snprintf(out, size, HUB);

	for (const char *c = ports; *c; c++)
		if (c[1] == '.' || c[1] == '\0')
			len += snprintf(out + len, size - (size_t)len, "/1-1.%.*s",
				(int)(c + 1 - ports), ports);
}

/* ---- a tty ---------------------------------------------------------------------------------- */

/* Modem lines, which ptys lack; all else goes to the pty. */
static gboolean on_ioctl(UMockdevIoctlBase *base, UMockdevIoctlClient *client, gpointer arg)
{
	gulong request = umockdev_ioctl_client_get_request(client);
	int err = 0, result = 0, lines = TIOCM_CTS | TIOCM_DSR;
	GError *error = NULL;

	(void)base, (void)arg;
	if (request == TIOCMGET) {
		UMockdevIoctlData *data = umockdev_ioctl_data_resolve(
			umockdev_ioctl_client_get_arg(client), 0, sizeof lines, &error);
		if (!data)
			die("TIOCMGET", error);
		umockdev_ioctl_data_update(data, 0, (guint8 *)&lines, sizeof lines);
		g_object_unref(data);
	} else if (request != TIOCMSET && request != TIOCMBIS && request != TIOCMBIC) {
		result = umockdev_ioctl_client_execute(client, &err, &error);
	}
	umockdev_ioctl_client_complete(client, result, result < 0 ? err : 0);
	return TRUE;
}

/* Of the USB device. The reset itself is made where commands are obeyed. */
static gboolean on_usb_ioctl(UMockdevIoctlBase *base, UMockdevIoctlClient *client, gpointer arg)
{
	struct module *module = arg;
	bool reset = umockdev_ioctl_client_get_request(client) == USBDEVFS_RESET;

	(void)base;
	module->reset = module->reset || reset;
	umockdev_ioctl_client_complete(client, reset ? 0 : -1, reset ? 0 : ENOTTY);
	return TRUE;
}

static void attach(const char *node, GCallback fn, void *arg)
{
	UMockdevIoctlBase *handler = umockdev_ioctl_base_new();
	GError *error = NULL;

	g_signal_connect(handler, "handle-ioctl", fn, arg);
	if (!umockdev_testbed_attach_ioctl(bed, node, handler, &error))
		die(node, error);
}

static void add_tty(struct module *module, int interface)
{
	int number = module->numbers[interface];
	char usb[160], device[300], node[40], record[3000];

	snprintf(node, sizeof node, "/dev/ttyUSB%d", number);
	attach(node, G_CALLBACK(on_ioctl), NULL); /* before the event is out */
	usb_path(module->ports, usb, sizeof usb);
	snprintf(device, sizeof device, "%s/1-1.%s:1.%d", usb, module->ports, interface);
	snprintf(record, sizeof record,
		"P: %s\nE: DEVTYPE=usb_interface\nE: SUBSYSTEM=usb\nE: DRIVER=option\n"
		"A: bInterfaceNumber=%02d\\n\nA: bInterfaceClass=ff\\n\n"
		"L: driver=../../../../../../../bus/usb/drivers/option\n\n",
		device, interface);
	add(record);
	snprintf(record, sizeof record,
		"P: %s/ttyUSB%d\nE: SUBSYSTEM=usb-serial\nE: DRIVER=option1\nA: "
		"port_number=0\\n\n\n",
		device, number);
	add(record);
	snprintf(record, sizeof record,
		"P: %s/ttyUSB%d/tty/ttyUSB%d\nN: ttyUSB%d\nE: DEVNAME=/dev/ttyUSB%d\n"
		"E: SUBSYSTEM=tty\nE: MAJOR=240\nE: MINOR=%d\nE: ID_BUS=usb\n"
		"E: ID_PATH=pci-0000:00:14.0-usb-0:1.%s:1.%d\nA: dev=240:%d\n"
		"L: device=../../../ttyUSB%d\n\n",
		device, number, number, number, number, number, module->ports, interface, number,
		number);
	add(record);
	module->masters[interface] = umockdev_testbed_get_dev_fd(bed, node);
	fcntl(module->masters[interface], F_SETFD, FD_CLOEXEC);
}

static void say(const struct module *module, const char *text)
{
	char out[PDU_SIZE + 60];
	int len = snprintf(out, sizeof out, "\r\n%s\r\n", text);

	if (write(module->masters[module->at], out, (size_t)len) != len)
		fprintf(stderr, "usb_bed: %s\n", strerror(errno));
}

/* Octets behind the service centre's address. */
static int tpdu_len(const char *pdu)
{
	char first[3] = { pdu[0], pdu[1] };

	return (int)strlen(pdu) / 2 - 1 - (int)strtol(first, NULL, 16);
}

static void list(struct module *module)
{
	struct card *card = &cards[module->card];
	char text[PDU_SIZE + 40];
	int shown = 0;

	for (int i = 0; i < TEXTS_MAX && !module->silent; i++) {
		const char *pdu = card->texts[i];
		size_t len = strlen(pdu);
		if (!*pdu)
			continue;
		module->silent = card->cut && ++shown == card->cut;
		snprintf(text, sizeof text, "+CMGL: %d,0,,%d\r\n%.*s", i + 1, tpdu_len(pdu),
			(int)(module->silent ? len / 2 : len), pdu);
		say(module, text);
	}
	card->cut = 0;
	if (!module->silent)
		say(module, "OK");
}

static const char *remove_text(struct card *card, int index)
{
	if (index < 1 || index > TEXTS_MAX || !card->texts[index - 1][0])
		return "+CMS ERROR: 321";
	card->texts[index - 1][0] = '\0';
	return "OK";
}

static void answer(struct module *module, const char *command)
{
	char text[200] = "OK";
	int index;

	if (strcmp(command, "AT+CMGL=4") == 0) {
		list(module);
		return;
	}
	if (strcmp(command, "AT+CGMM") == 0)
		strcpy(text, "EC25\r\nOK");
	else if (strcmp(command, "AT+CGSN") == 0)
		strcpy(text, "490154203237518\r\nOK");
	else if (strcmp(command, "AT+CCID") == 0)
		snprintf(text, sizeof text, "+CCID: 894600000000000000%02d\r\nOK", module->card);
	else if (strcmp(command, "AT+CIMI") == 0)
		snprintf(text, sizeof text, "2400100000000%02d\r\nOK", module->card);
	else if (strcmp(command, "AT+CPIN?") == 0)
		strcpy(text, "+CPIN: READY\r\nOK");
	else if (strcmp(command, "AT+CPMS=?") == 0)
		strcpy(text, "+CPMS: (\"SM\"),(\"SM\"),(\"SM\")\r\nOK");
	else if (strcmp(command, "AT+CREG?") == 0)
		strcpy(text, "+CREG: 1,1\r\nOK");
	else if (sscanf(command, "AT+CMGD=%d", &index) == 1)
		strcpy(text, remove_text(&cards[module->card], index));
	say(module, text);
}

static void listen_to(struct module *module)
{
	char bytes[256];
	ssize_t len = read(module->masters[module->at], bytes, sizeof bytes);

	for (ssize_t i = 0; i < len; i++) {
		if (bytes[i] != '\r') {
			module->line[module->len++ % (sizeof module->line - 1)] = bytes[i];
			continue;
		}
		module->line[module->len % sizeof module->line] = '\0';
		module->len = 0;
		if (!module->silent)
			answer(module, module->line);
	}
}

/* ---- commands ------------------------------------------------------------------------------- */

static struct module *module_at(const char *ports)
{
	for (struct module *m = modules; m < modules + MODULES_MAX; m++)
		if (strcmp(m->ports, ports) == 0)
			return m;
	return NULL;
}

static int devnum = 2; /* of the last USB device */

static void add_hub(const char *path)
{
	static char known[MODULES_MAX][160];
	char record[400];
	int i = 0;

	for (; i < MODULES_MAX && known[i][0]; i++)
		if (strcmp(known[i], path) == 0)
			return;
	if (i == MODULES_MAX)
		die("too many hubs", NULL);
	snprintf(known[i], sizeof known[i], "%s", path);
	snprintf(record, sizeof record,
		"P: %s\nE: SUBSYSTEM=usb\nE: DEVTYPE=usb_device\nA: devnum=%d\\n\n\n", path,
		++devnum);
	add(record);
}

static bool plug(const char *ports, const int numbers[TTYS], int at, int card)
{
	struct module *module = module_at("");
	char usb[160], hub[160], record[600];

	if (!module || module_at(ports))
		return false;
	*module = (struct module) { .at = at, .card = card };
	memcpy(module->numbers, numbers, sizeof module->numbers);
	snprintf(module->ports, sizeof module->ports, "%s", ports);
	usb_path(ports, usb, sizeof usb);
	snprintf(hub, sizeof hub, "%s", usb);
	*strrchr(hub, '/') = '\0';
	if (strchr(ports, '.'))
		add_hub(hub);
	devnum++;
	snprintf(module->node, sizeof module->node, "/dev/bus/usb/001/%03d", devnum);
	attach(module->node, G_CALLBACK(on_usb_ioctl), module);
	snprintf(record, sizeof record,
		"P: %s\nN: bus/usb/001/%03d\nE: DEVNAME=/dev/bus/usb/001/%03d\n"
		"E: DEVTYPE=usb_device\nE: SUBSYSTEM=usb\nA: busnum=1\\n\nA: devnum=%d\\n\n"
		"A: idVendor=2c7c\\n\nA: idProduct=0125\\n\nA: authorized=1\\n\n\n",
		usb, devnum, devnum, devnum);
	add(record);
	for (int i = 0; i < TTYS; i++)
		add_tty(module, i);
	return true;
}

/* umockdev remembers for ever which pty was whose, and dies when its number is used again. */
static void forget_pty(const char *pty)
{
	char *root = umockdev_testbed_get_root_dir(bed), path[4400];

	snprintf(path, sizeof path, "%s/dev/.ptymap/%s", root, pty);
	for (char *c = path + strlen(root) + strlen("/dev/.ptymap/"); *c; c++)
		*c = *c == '/' ? '_' : *c;
	unlink(path);
	g_free(root);
}

static void pull_tty(struct module *module, int interface, bool with_event)
{
	int number = module->numbers[interface];
	char usb[160], path[300], node[40];
	GError *error = NULL;
	int len;

	usb_path(module->ports, usb, sizeof usb);
	len = snprintf(path, sizeof path, "/sys%s/1-1.%s:1.%d/ttyUSB%d/tty/ttyUSB%d", usb,
		module->ports, interface, number, number);

	if (with_event)
		umockdev_testbed_uevent(bed, path, "remove");
	umockdev_testbed_remove_device(bed, path);
	path[len - (int)strlen(strstr(path, "/tty/"))] = '\0';
	umockdev_testbed_remove_device(bed, path);
	*strrchr(path, '/') = '\0';
	umockdev_testbed_remove_device(bed, path);
	snprintf(node, sizeof node, "/dev/ttyUSB%d", number);
	if (!umockdev_testbed_detach_ioctl(bed, node, &error))
		die(node, error);
	if (ptsname_r(module->masters[interface], path, sizeof path) == 0)
		forget_pty(path);
	close(module->masters[interface]);
}

static bool pull(const char *ports, bool with_event)
{
	struct module *module = module_at(ports);
	GError *error = NULL;
	char usb[160], path[300];

	if (!module)
		return false;
	for (int i = 0; i < TTYS; i++)
		pull_tty(module, i, with_event);
	usb_path(ports, usb, sizeof usb);
	snprintf(path, sizeof path, "/sys%s", usb);
	umockdev_testbed_remove_device(bed, path);
	if (!umockdev_testbed_detach_ioctl(bed, module->node, &error))
		die(module->node, error);
	module->ports[0] = '\0';
	return true;
}

static bool hang(const char *ports, int next)
{
	struct module *module = module_at(ports);

	if (!module)
		return false;
	module->silent = true;
	module->next = next;
	return true;
}

/* Those that were reset go and come back. */
static void come_back(void)
{
	for (int i = 0; i < MODULES_MAX; i++) {
		struct module was;
		if (!modules[i].ports[0] || !modules[i].reset)
			continue;
		memcpy(&was, &modules[i], sizeof was);
		for (int n = 0; was.next && n < TTYS; n++)
			was.numbers[n] = was.next + n;
		pull(was.ports, true);
		plug(was.ports, was.numbers, was.at, was.card);
	}
}

static bool start(char **argv)
{
	pid_t parent = getpid();
	char preload[1000];

	child = fork();
	if (child != 0)
		return child > 0;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	snprintf(preload, sizeof preload, "%s:%s", argv[1], getenv("LD_PRELOAD"));
	setenv("LD_PRELOAD", preload, 1);
	dup2(STDERR_FILENO, STDOUT_FILENO);
	execv(argv[2], argv + 2);
	_exit(127);
}

static bool read_numbers(const char *text, int out[TTYS])
{
	int count = sscanf(text, "%d,%d,%d,%d", &out[0], &out[1], &out[2], &out[3]);

	for (int i = 1; count == 1 && i < TTYS; i++)
		out[i] = out[0] + i;
	return count == 1 || count == TTYS;
}

/* Of what is in cards. */
static bool obey_card(const char *line)
{
	char pdu[PDU_SIZE] = "";
	int card, count = 0;

	if (sscanf(line, "%*s %d", &card) != 1 || card < 0 || card >= CARDS_MAX)
		return false;
	if (sscanf(line, "cut %d %d", &card, &count) == 2) {
		cards[card].cut = count + 1;
		return count >= 0;
	}
	for (int i = 0; i < TEXTS_MAX; i++)
		count += cards[card].texts[i][0] != '\0';
	if (strncmp(line, "left ", 5) == 0) {
		snprintf(said, sizeof said, " %d", count);
		return true;
	}
	if (sscanf(line, "text %d %359s", &card, pdu) != 2)
		return false;
	for (int i = 0; i < TEXTS_MAX; i++)
		if (!cards[card].texts[i][0]) {
			memcpy(cards[card].texts[i], pdu, sizeof pdu);
			return true;
		}
	return false;
}

static bool obey(char *line, char **argv)
{
	char ports[16] = "", list[40] = "";
	int numbers[TTYS], first, at, card;

	if (strcmp(line, "start\n") == 0)
		return start(argv);
	if (sscanf(line, "plug %15s %39s %d %d", ports, list, &at, &card) == 4)
		return at >= 0 && at < TTYS && card >= 0 && card < CARDS_MAX &&
		       read_numbers(list, numbers) && plug(ports, numbers, at, card);
	if (sscanf(line, "pull %15s", ports) == 1)
		return pull(ports, true);
	if (sscanf(line, "hang %15s %d", ports, &first) == 2)
		return first > 0 && hang(ports, first);
	if (sscanf(line, "vanish %15s", ports) == 1)
		return pull(ports, false);
	return obey_card(line);
}

/* Modems talk while the next command is waited for. False: the end of them. */
static bool wait_for_command(void)
{
	struct pollfd fds[MODULES_MAX + 1] = { { .fd = STDIN_FILENO, .events = POLLIN } };
	bool quiet = true;

	for (int i = 0; i < MODULES_MAX; i++)
		fds[i + 1] = (struct pollfd) {
			.fd = modules[i].ports[0] ? modules[i].masters[modules[i].at] : -1,
			.events = POLLIN
		};
	if (poll(fds, MODULES_MAX + 1, 1000) < 0)
		die("poll", NULL);
	for (int i = 0; i < MODULES_MAX; i++)
		if (fds[i + 1].revents & POLLIN) {
			listen_to(&modules[i]);
			quiet = false;
		}
	come_back();
	if (quiet && !fds[0].revents)
		usleep(QUIET_MS * 1000); /* a pty that nobody has open hangs up all the time */
	return fds[0].revents != 0;
}

/* umockdev's wrappers block signals while they work; where two threads meet there, one of them may
 * be left with all of them blocked, and the program never hears of the signal. */
static bool signal_waits(void)
{
	char path[64], line[100];
	unsigned long long pending = 0;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%d/status", child);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof line, file))
		if (sscanf(line, "ShdPnd: %llx", &pending) == 1)
			break;
	if (file)
		fclose(file);
	return pending & 1ULL << (SIGTERM - 1);
}

/* The program's exit status; 100: it had to be killed; 101: because the signal did not reach it. */
static int end_child(void)
{
	int status, lost_ms = 0;

	kill(child, SIGTERM);
	for (int ms = 0; ms < END_MS && lost_ms < LOST_MS; ms += QUIET_MS) {
		if (waitpid(child, &status, WNOHANG) == child)
			return WIFEXITED(status) ? WEXITSTATUS(status) : 100;
		lost_ms = signal_waits() ? lost_ms + QUIET_MS : 0;
		usleep(QUIET_MS * 1000);
	}
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	return lost_ms > 0 ? 101 : 100;
}

int main(int argc, char **argv)
{
	char line[PDU_SIZE + 40];

	if (argc < 3)
		return 2;
	bed = umockdev_testbed_new();
	if (!umockdev_in_mock_environment())
		return 2;
	setvbuf(stdin, NULL, _IONBF, 0);
	setvbuf(stdout, NULL, _IOLBF, 0);
	add("P: " PCI "\nE: SUBSYSTEM=pci\nE: PCI_SLOT_NAME=0000:00:14.0\n\n");
	add("P: " PCI "/usb1\nE: SUBSYSTEM=usb\nE: DEVTYPE=usb_device\nA: devnum=1\\n\n\n");
	add("P: " HUB "\nE: SUBSYSTEM=usb\nE: DEVTYPE=usb_device\nA: devnum=2\\n\n\n");
	for (;;) {
		if (!wait_for_command())
			continue;
		if (!fgets(line, sizeof line, stdin))
			break;
		said[0] = '\0';
		printf("%s%s\n", obey(line, argv) ? "ok" : "error", said);
	}
	return child > 0 ? end_child() : 0;
}
