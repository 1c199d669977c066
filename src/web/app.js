// app.js - the operator's page: reads /api/v1, changes nothing. What comes from modems and
// networks is put in as text alone.
"use strict";

(() => {
	const STATES = {
		off: ["off", "○"],
		open: ["busy", "…"],
		probe: ["busy", "…"],
		init: ["busy", "…"],
		sim: ["wait", "▤"],
		register: ["wait", "⇅"],
		ready: ["ok", "✓"],
		recover: ["bad", "↻"],
		switch: ["busy", "⇄"],
		fault: ["bad", "✗"],
	};
	const WRONG_MAX = 12;
	const MESSAGES_MAX = 50;
	const REGISTER_S = 60; // so long a port may look for its network without being in trouble
	const SILENCE_MS = 45000; // the daemon says something each 10 s
	const RETRY_MS = [1000, 2000, 4000, 8000, 15000];
	const HIDDEN_MS = 60000; // a page that nobody looks at lets go of its connection

	const $ = (id) => document.getElementById(id);

	function el(tag, attributes, ...children) {
		const node = document.createElement(tag);
		for (const [name, value] of Object.entries(attributes || {}))
			node.setAttribute(name, value);
		node.append(...children);
		return node;
	}

	/* ---- words --------------------------------------------------------------------------- */

	const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
	const day = new Intl.DateTimeFormat(undefined, { dateStyle: "short", timeStyle: "medium" });

	function when(iso) {
		if (!iso)
			return "";
		const time = new Date(iso);
		const today = time.toDateString() === new Date().toDateString();
		return (today ? clock : day).format(time);
	}

	const timeNode = (iso) => (iso ? el("time", { datetime: iso }, when(iso)) : "");

	function span(seconds) {
		if (seconds < 120)
			return `${seconds} s`;
		if (seconds < 7200)
			return `${Math.round(seconds / 60)} min`;
		return seconds < 172800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86400)} d`;
	}

	const signal = (dbm) => (dbm === null ? "" : `${dbm} dBm`.replace("-", "−"));
	const count = (n, one, many) => `${n} ${n === 1 ? one : many}`;

	function looks(port) {
		if (port.deaf)
			return { kind: "bad", sign: "!", word: `${port.state}, deaf` };
		const [kind, sign] = STATES[port.state] || ["off", "?"];
		if (port.trouble && kind !== "ok")
			return { kind: "bad", sign: "✗", word: `${port.state}, trouble` };
		if (port.drain && kind === "ok")
			return { kind: "wait", sign: "⊘", word: port.drain };
		if (port.switch === "switching")
			return { kind: "busy", sign: STATES.switch[1], word: "switch" };
		if (port.unlisted)
			return { kind: "wait", sign: "?", word: `${port.state}, not on sale` };
		return { kind, sign, word: port.state };
	}

	function sentence(port) {
		const parts = [`${looks(port).word} since ${when(port.since)}`, port.unlisted || port.why];
		if (port.trouble)
			parts.push(`trouble: ${port.trouble}`);
		if (port.signal_dbm !== null)
			parts.push(`signal ${signal(port.signal_dbm)}`);
		if (port.number)
			parts.push(`number ${port.number}`);
		return `${port.port}: ${parts.filter(Boolean).join("; ")}`;
	}

	/* ---- what is known ------------------------------------------------------------------- */

	const ports = new Map(); // by id: { data, at, link, ... }
	const banks = new Map(); // by name: { title, list, ids }
	let messages = [];
	let status = null;

	const bankOf = (id) => id.slice(0, id.indexOf("/"));

	// How long a port has been as it is, its trouble as a whole.
	function sinceS({ data, at }) {
		const s = data.trouble_s === null ? data.since_s : data.trouble_s;
		return s + Math.round((Date.now() - at) / 1000);
	}

	/* ---- banks and slots ----------------------------------------------------------------- */

	function drawSlot(entry) {
		const { kind, sign, word } = looks(entry.data);
		const text = sentence(entry.data);
		entry.link.className = `slot ${kind}`;
		entry.link.title = text;
		entry.link.setAttribute("aria-label", text);
		entry.sign.textContent = sign;
		entry.word.textContent = word;
		entry.signal.textContent = signal(entry.data.signal_dbm).replace(" dBm", "");
	}

	function makeSlot(data) {
		const entry = { data, at: Date.now() };
		entry.name = el("b", null, data.port.slice(data.port.indexOf("/") + 1));
		entry.sign = el("span", { class: "sign" });
		entry.word = el("small");
		entry.signal = el("small");
		entry.link = el("a", { href: `#/ports/${encodeURI(data.port)}`, tabindex: "-1" },
			entry.name, entry.sign, entry.word, entry.signal);
		drawSlot(entry);
		return entry;
	}

	// In a bank one slot is in the tab order; arrows move which.
	function focusSlot(list, link) {
		const old = list.querySelector('a[tabindex="0"]');
		if (old)
			old.tabIndex = -1;
		link.tabIndex = 0;
		link.focus();
	}

	function onSlotKey(event) {
		const list = event.currentTarget;
		const links = [...list.querySelectorAll("a")];
		const at = links.indexOf(document.activeElement);
		const top = links[0].getBoundingClientRect().top;
		const columns = links.filter((a) => a.getBoundingClientRect().top === top).length;
		const steps = {
			ArrowRight: at + 1,
			ArrowLeft: at - 1,
			ArrowDown: at + columns,
			ArrowUp: at - columns,
			Home: 0,
			End: links.length - 1,
		};
		const link = links[steps[event.key]];
		if (at < 0 || !(event.key in steps) || event.altKey || event.ctrlKey || event.metaKey)
			return;
		event.preventDefault();
		if (link)
			focusSlot(list, link);
	}

	function makeBank(name) {
		const id = `bank-${banks.size}`;
		const title = el("h3", { id });
		const list = el("ul", { class: "slots", "aria-labelledby": id });
		list.addEventListener("keydown", onSlotKey);
		return { title, list, section: el("div", null, title, list), ids: [] };
	}

	function drawBankTitle(name) {
		const bank = banks.get(name);
		const states = new Map();
		for (const id of bank.ids) {
			const state = looks(ports.get(id).data).word;
			states.set(state, (states.get(state) || 0) + 1);
		}
		const ready = states.get("ready") || 0;
		states.delete("ready");
		const rest = [...states].map(([state, n]) => `, ${n} ${state}`).join("");
		bank.title.textContent = `${name}: ${ready} of ${bank.ids.length} ready${rest}`;
	}

	// All of them anew: at the start, and when which ports there are has changed.
	function drawBanks(list) {
		const focused = document.activeElement && document.activeElement.getAttribute("href");
		const all = document.createDocumentFragment();
		ports.clear();
		banks.clear();
		for (const data of list) {
			const name = bankOf(data.port);
			if (!banks.has(name)) {
				banks.set(name, makeBank(name));
				all.append(banks.get(name).section);
			}
			const entry = makeSlot(data);
			ports.set(data.port, entry);
			banks.get(name).ids.push(data.port);
			banks.get(name).list.append(el("li", null, entry.link));
		}
		for (const [name, bank] of banks) {
			bank.list.querySelector("a").tabIndex = 0;
			drawBankTitle(name);
		}
		if (!list.length)
			all.append(el("p", null, "No port is configured, or none is plugged in."));
		$("banks").replaceChildren(all);
		for (const entry of ports.values())
			if (focused && entry.link.getAttribute("href") === focused)
				focusSlot(entry.link.closest("ul"), entry.link);
	}

	/* ---- what is wrong ------------------------------------------------------------------- */

	function wrongPort(entry) {
		const port = entry.data;
		if (port.deaf || port.state === "fault")
			return { rank: 0, kind: "bad" };
		if (port.trouble || port.state === "recover")
			return { rank: 1, kind: "bad" };
		if (port.state === "sim" || port.registration === "denied" ||
			(port.state === "register" && sinceS(entry) > REGISTER_S))
			return { rank: 2, kind: "wait" };
		if (port.unlisted)
			return { rank: 3, kind: "wait" };
		return port.state === "off" ? { rank: 4, kind: "off" } : null;
	}

	function wrongItem(kind, head, text, todo) {
		const item = el("li", { class: kind }, head, ` ${text}`);
		if (todo)
			item.append(el("span", { class: "todo" }, `What to do: ${todo}.`));
		return item;
	}

	function wrongPlaces() {
		const found = [];
		for (const entry of ports.values()) {
			const wrong = wrongPort(entry);
			if (wrong)
				found.push({ ...wrong, entry });
		}
		found.sort((a, b) => a.rank - b.rank || sinceS(b.entry) - sinceS(a.entry));
		return found;
	}

	function portItem({ kind, entry }) {
		const port = entry.data;
		const { sign, word } = looks(port);
		const link = el("a", { href: `#/ports/${encodeURI(port.port)}` }, port.port);
		const text = `${word} for ${span(sinceS(entry))}` +
			(port.trouble ? `. Tried: ${port.trouble}` : `: ${port.unlisted || port.why}`);
		const head = el("strong", null, `${sign} `, link);
		return wrongItem(kind, head, text, port.advice || "");
	}

	function wrongWhole() {
		const items = [];
		const add = (head, text, todo) =>
			items.push(wrongItem("bad", el("strong", null, `✗ ${head}:`), text, todo));
		if (!status)
			return items;
		if (status.store.server && !status.store.server.up)
			add("store", `its server is away since ${when(status.store.server.since)}: ${status.store.server.error}`,
				`texts are kept in this host's journal (${status.store.server.journal}); no lists, deliveries or orders until it is back`);
		else if (!status.store.ok)
			add("store", `cannot be written to: ${status.store.error}`,
				"look at the disk; texts stay on their cards until then");
		for (const platform of status.platforms) {
			if (platform.health !== "up")
				add(platform.name, `${platform.health} since ${when(platform.since)}: ${platform.reason}`,
					platform.health === "account" ? "see the account at the platform; all is kept" : "");
			if (platform.blocked_until)
				add(platform.name, `the account is blocked until ${when(platform.blocked_until)}`);
			if (platform.list_reason)
				add(platform.name, `the number list is not accepted: ${platform.list_reason}`);
		}
		return items;
	}

	function drawWrong() {
		const places = wrongPlaces();
		const items = wrongWhole();
		const shown = places.slice(0, WRONG_MAX);
		const rest = places.length - shown.length;
		const total = items.length + places.length;
		const had = $("wrong").contains(document.activeElement) && document.activeElement.getAttribute("href");
		$("wrong-list").replaceChildren(...items, ...shown.map(portItem));
		if (had)
			[...$("wrong-list").querySelectorAll("a")].find((a) => a.getAttribute("href") === had)?.focus();
		$("wrong-more").textContent = rest ? `And ${count(rest, "port", "ports")} more, below.` : "";
		$("wrong").hidden = total === 0;
		document.title = total ? `(${total}) simgate` : "simgate";
	}

	function drawTotals() {
		let ready = 0;
		for (const entry of ports.values())
			ready += entry.data.state === "ready" && !entry.data.deaf;
		let queued = 0;
		for (const platform of status ? status.platforms : [])
			queued += platform.queued || 0;
		$("totals").textContent = `${ready} of ${count(ports.size, "port", "ports")} ready, ` +
			`${queued} queued` + (status && !status.ready ? ", starting" : "");
	}

	/* ---- platforms and messages ---------------------------------------------------------- */

	function mark(kind, text) {
		return el("span", { class: `mark ${kind}` }, text);
	}

	function platformRow(platform) {
		const row = el("tr", null, el("th", { scope: "row" }, platform.name));
		const up = platform.health === "up";
		const state = mark(up ? "ok" : "bad", `${up ? "✓" : "✗"} ${platform.health}`);
		const oldest = platform.queued ? span(platform.oldest_s) : "";
		const cells = [state, timeNode(platform.since),
			platform.list ? platform.numbers : "no list", timeNode(platform.list_accepted),
			platform.queued || 0, oldest, platform.held || 0, platform.refused || 0,
			platform.withheld || 0, platform.delivered || 0];
		row.append(...cells.map((cell) => el("td", null, cell instanceof Node ? cell : String(cell))));
		return row;
	}

	function drawStatus() {
		$("host").textContent = `${status.host_id}, ${status.version}`;
		$("platforms").replaceChildren(...status.platforms.map(platformRow));
		const { last_hour, undecodable, parts_pending } = status.messages;
		$("store").textContent = last_hour === undefined ? "" : `${last_hour} texts in the last hour; ${undecodable} undecodable; ` +
			`${count(parts_pending, "part waits", "parts wait")} for the rest of their text.`;
	}

	const DELIVERIES = {
		delivered: ["ok", "✓"],
		queued: ["busy", "…"],
		held: ["wait", "▤"],
		withheld: ["off", "○"],
		unclaimed: ["off", "○"],
		dropped: ["off", "○"],
		refused: ["bad", "✗"],
	};

	function messageRow(message, fresh) {
		const [kind, sign] = DELIVERIES[message.state] || ["off", "?"];
		const state = message.state ? mark(kind, `${sign} ${message.state}`) : "";
		const link = el("a", { href: `#/ports/${encodeURI(message.port)}` }, message.port);
		const parts = message.parts > 1 ? `, ${message.parts} parts` : "";
		const row = el("tr", fresh ? { class: "new" } : null);
		for (const cell of [timeNode(message.arrived), link, message.number, message.sender,
			`${message.chars}${parts}`, message.platform, state])
			row.append(el("td", null, cell));
		row.append(el("td", { class: "long" }, message.reason));
		return row;
	}

	function drawMessages(fresh) {
		const had = $("messages").contains(document.activeElement) &&
			[...$("messages").querySelectorAll("a")].indexOf(document.activeElement);
		$("messages").replaceChildren(...messages.map((m) => messageRow(m, fresh.has(m))));
		if (had !== false)
			$("messages").querySelectorAll("a")[had]?.focus();
		$("messages-none").hidden = messages.length > 0;
	}

	function takeMessage(message) {
		const at = messages.findIndex((m) => m.id === message.id && m.platform === message.platform);
		if (at >= 0)
			messages[at] = message;
		else
			messages.push(message);
		messages.sort((a, b) => b.arrived_ms - a.arrived_ms || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0));
		messages.length = Math.min(messages.length, MESSAGES_MAX);
	}

	/* ---- small lines --------------------------------------------------------------------- */

	const SVG = "http://www.w3.org/2000/svg";

	// values: by minutes, the oldest first, now at the right end; null: not known, a gap.
	function spark(caption, values, low, high, words) {
		const svg = document.createElementNS(SVG, "svg");
		const path = document.createElementNS(SVG, "path");
		let d = "";
		values.forEach((value, i) => {
			const x = 118 - ((values.length - 1 - i) * 116) / 59;
			const y = 30 - ((Math.min(Math.max(value, low), high) - low) / (high - low || 1)) * 28;
			if (value !== null) {
				const begins = i === 0 || values[i - 1] === null;
				d += `${begins ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`;
				if (begins)
					d += "h0.1";
			}
		});
		path.setAttribute("d", d);
		svg.setAttribute("class", "spark");
		svg.setAttribute("viewBox", "0 0 120 32");
		svg.setAttribute("preserveAspectRatio", "none");
		svg.setAttribute("role", "img");
		svg.setAttribute("aria-label", `${caption}: ${words}`);
		svg.append(path);
		return el("figure", null, svg, el("figcaption", null, `${caption}: ${words}`));
	}

	function perMinute(caption, values) {
		if (!values.length)
			return spark(caption, values, 0, 1, "the first minute is not over");
		const sum = values.reduce((a, b) => a + b, 0);
		const most = Math.max(1, ...values);
		return spark(caption, values, 0, most,
			`${values[values.length - 1]} in the last minute, at most ${sum ? most : 0}, ${sum} in ${values.length} min`);
	}

	function signals(values) {
		const known = values.filter((v) => v !== null);
		const words = known.length
			? `${signal(Math.min(...known))} to ${signal(Math.max(...known))} in ${values.length} min`
			: "not known yet";
		return spark("Signal", values, -113, -51, words);
	}

	/* ---- a port's page ------------------------------------------------------------------- */

	let shown = ""; // id of the port whose page is open
	let shownText = "";

	function facts(port) {
		const { sign, word } = looks(port);
		return [
			["State", `${sign} ${word}, since ${when(port.since)} (${span(port.since_s)})`],
			["Why", port.why],
			["Tried", port.trouble],
			["What to do", port.advice],
			["On sale", port.online ? "yes, it can receive" : ["no", port.unlisted].filter(Boolean).join(": ")],
			["Out of service", [port.drain, port.drain_waits].filter(Boolean).join(": ")],
			["Column and row", port.column ? `${port.column}, row ${port.row || "not known"} of ${port.rows}` : ""],
			["Switch", port.switch && port.switch !== "idle" ? `${port.switch}: ${port.switch_text}` : ""],
			["Signal", signal(port.signal_dbm) || "not known"],
			["Network", [port.operator, port.registration].filter(Boolean).join(", ")],
			["Number", port.number ? `${port.number} (from: ${port.number_source})` : "not known"],
			["Last look at its texts", port.last_sweep_s === null ? "none yet" : `${span(port.last_sweep_s)} ago`],
			["Received", `${port.received}`],
			["Errors", `${port.errors}`],
			["Device", port.device || "none is plugged in"],
			["Driver, model", [port.driver, port.model].filter(Boolean).join(", ")],
			["IMEI", port.imei],
			["ICCID", port.iccid],
			["Speed", port.baud ? `${port.baud} baud` : ""],
		].filter(([, value]) => value);
	}

	function cellRow(cells) {
		const row = el("tr");
		for (const cell of cells)
			row.append(cell instanceof Element && cell.tagName === "TD" ? cell : el("td", null, cell));
		return row;
	}

	function drawPort(port) {
		$("port-note").textContent = "";
		$("port-facts").replaceChildren(...facts(port).flatMap(([name, value]) =>
			[el("dt", null, name), el("dd", null, value)]));
		const recent = port.recent || { received: [], signal_dbm: [] };
		$("port-sparks").replaceChildren(signals(recent.signal_dbm),
			perMinute("Received a minute", recent.received));
		$("port-history").replaceChildren(...port.history.map((h) =>
			cellRow([timeNode(h.at), h.from, h.to, el("td", { class: "long" }, h.why)])));
		$("port-at").replaceChildren(...port.at.map((line) =>
			cellRow([timeNode(line.at), line.dir === ">" ? "> to the modem" : "< from the modem",
				el("td", { class: "long" }, line.line)])));
	}

	async function loadPort() {
		const id = shown;
		if (!id)
			return;
		try {
			const answer = await fetch(place(`/api/v1/ports/${encodeURI(id)}`));
			const text = await answer.text();
			if (id !== shown || (answer.ok && text === shownText))
				return;
			if (answer.ok)
				drawPort(JSON.parse(text));
			else
				$("port-note").textContent = answer.status === 404 ? "There is no such port any more."
					: `The daemon answered ${answer.status}.`;
			shownText = text;
		} catch {
			/* the connection's own line tells */
		}
	}

	function route() {
		const match = /^#\/ports\/(.+)$/.exec(location.hash);
		const id = match ? decodeURI(match[1]) : "";
		const from = shown;
		if (id === shown)
			return;
		shown = id;
		shownText = "";
		$("overview").hidden = id !== "";
		$("port").hidden = id === "";
		if (id) {
			for (const part of ["port-facts", "port-sparks", "port-history", "port-at"])
				$(part).replaceChildren();
			$("port-title").textContent = `Port ${id}`;
			$("port-title").focus();
			scrollTo(0, 0);
			loadPort();
		} else {
			const entry = ports.get(from);
			if (entry)
				focusSlot(entry.link.closest("ul"), entry.link);
		}
	}

	/* ---- what is drawn, at most once a frame --------------------------------------------- */

	const dirty = { ports: new Set(), messages: new Set(), status: false, asked: false };

	function draw() {
		const touched = new Set();
		dirty.asked = false;
		for (const id of dirty.ports) {
			drawSlot(ports.get(id));
			touched.add(bankOf(id));
		}
		touched.forEach(drawBankTitle);
		if (dirty.status)
			drawStatus();
		if (dirty.messages.size)
			drawMessages(dirty.messages);
		if (dirty.ports.size || dirty.status) {
			drawWrong();
			drawTotals();
		}
		if (dirty.ports.has(shown))
			loadPort();
		dirty.ports.clear();
		dirty.messages.clear();
		dirty.status = false;
	}

	function drawSoon() {
		if (!dirty.asked)
			requestAnimationFrame(draw);
		dirty.asked = true;
	}

	function apply(name, data) {
		if (name === "port") {
			const entry = ports.get(data.port);
			if (!entry)
				return; // resync brings it
			entry.data = data;
			entry.at = Date.now();
			dirty.ports.add(data.port);
		} else if (name === "message") {
			takeMessage(data);
			dirty.messages.add(data);
		} else {
			status = data;
			dirty.status = true;
		}
		drawSoon();
	}

	/* ---- the connection ------------------------------------------------------------------ */

	// The page's own address may hold a key, which fetch() refuses.
	const place = (path) => new URL(path, location.origin).href;
	let source = null;
	let heardAt = 0;
	let failures = 0;
	let lostAt = 0;
	let loads = 0;
	let waiting = null; // events that came while all is being asked for
	let retryTimer = 0;
	let hiddenTimer = 0;

	function say(text, lost) {
		if ($("link").textContent !== text)
			$("link").textContent = text;
		document.body.classList.toggle("lost", lost);
	}

	async function getJson(path) {
		const answer = await fetch(place(path));
		if (!answer.ok)
			throw new Error(`the daemon answered ${answer.status}`);
		return answer.json();
	}

	async function loadHistory() {
		try {
			const history = await getJson("/api/v1/history");
			$("rates").replaceChildren(perMinute("Texts and parts received a minute", history.received),
				perMinute("Delivered a minute", history.delivered));
		} catch {
			/* the connection's own line tells */
		}
	}

	async function load() {
		const mine = ++loads;
		waiting = [];
		try {
			const [list, now, texts] = await Promise.all([getJson("/api/v1/ports"),
				getJson("/api/v1/status"), getJson(`/api/v1/messages?limit=${MESSAGES_MAX}`)]);
			if (mine !== loads)
				return;
			status = now;
			messages = texts.messages;
			drawBanks(list.ports);
		} catch (error) {
			if (mine === loads)
				lose(error.message);
			return;
		}
		drawStatus();
		drawMessages(new Set());
		drawWrong();
		drawTotals();
		const kept = waiting;
		waiting = null;
		kept.forEach(([name, data]) => apply(name, data));
		failures = 0;
		lostAt = 0;
		say("Live.", false);
		loadHistory();
		loadPort();
	}

	function hear(name) {
		source.addEventListener(name, (event) => {
			const data = JSON.parse(event.data);
			heardAt = Date.now();
			if (waiting)
				waiting.push([name, data]);
			else
				apply(name, data);
		});
	}

	function connect() {
		clearTimeout(retryTimer);
		if (source)
			source.close();
		heardAt = Date.now();
		source = new EventSource(place("/api/v1/events"));
		source.addEventListener("hello", load);
		source.addEventListener("resync", load);
		["port", "message", "status"].forEach(hear);
		source.onerror = () => lose("");
	}

	function lose(why) {
		const silent = Date.now() - heardAt > SILENCE_MS;
		source?.close();
		source = null;
		loads++;
		waiting = null;
		lostAt = lostAt || (silent ? heardAt : Date.now());
		say(`Not connected since ${when(new Date(lostAt).toISOString())}${why ? ` (${why})` : ""}. ` +
			"What is shown is from before; trying again.", true);
		clearTimeout(retryTimer);
		retryTimer = setTimeout(connect, RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)]);
	}

	function rest() {
		source?.close();
		source = null;
		clearTimeout(retryTimer);
		lostAt = lostAt || Date.now();
	}

	document.addEventListener("visibilitychange", () => {
		clearTimeout(hiddenTimer);
		if (document.hidden)
			hiddenTimer = setTimeout(rest, HIDDEN_MS);
		else if (!source)
			connect();
	});
	setInterval(() => {
		if (source && Date.now() - heardAt > SILENCE_MS)
			lose("nothing was heard");
		else if (source && shown)
			loadPort();
	}, 10000);
	setInterval(() => {
		if (source && !lostAt)
			loadHistory();
		drawWrong();
	}, 60000);
	$("skip").addEventListener("click", (event) => {
		event.preventDefault();
		$("main").focus();
	});
	addEventListener("hashchange", route);
	route();
	connect();
})();
