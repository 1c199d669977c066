// page.js - a browser for test_page.py: one JSON request a line in, one JSON answer a line out.
// NODE_PATH must lead to playwright-core; argv: the browser's program.
"use strict";

const readline = require("node:readline");
const { chromium } = require("playwright-core");

const WAIT_MS = 60000;
const POLL_MS = 50;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

let browser, page, session, seen;

const verbs = {
	// A window of its own, with what it asked for and what it complained about.
	async open({ url, width = 1280, height = 900, dark = false, key, still = false }) {
		const context = await browser.newContext({
			viewport: { width, height },
			colorScheme: dark ? "dark" : "light",
			reducedMotion: still ? "reduce" : "no-preference",
			httpCredentials: key === undefined ? undefined : { username: "operator", password: key },
		});
		seen = { errors: [], requests: [] };
		const { errors, requests } = seen;
		page = await context.newPage();
		page.on("console", (m) => ["error", "warning"].includes(m.type()) && errors.push(m.text()));
		page.on("pageerror", (error) => errors.push(String(error)));
		page.on("request", (request) => requests.push(request.url()));
		session = await context.newCDPSession(page);
		const answer = await page.goto(url);
		return { status: answer.status(), headers: answer.headers() };
	},
	eval: ({ js }) => page.evaluate(js),
	// Until it is true. The page's policy forbids it to be asked from the inside.
	async wait({ js }) {
		for (const end = Date.now() + WAIT_MS; Date.now() < end; await pause(POLL_MS)) {
			const value = await page.evaluate(js);
			if (value)
				return value;
		}
		throw new Error(`not within ${WAIT_MS} ms: ${js}`);
	},
	press: ({ key }) => page.keyboard.press(key),
	shot: ({ path }) => page.screenshot({ path, fullPage: true }),
	seen: () => seen,
	// [role, name] of all that a person can act on, as assistive technology is told.
	async names() {
		const { nodes } = await session.send("Accessibility.getFullAXTree");
		const acts = (node) => node.properties?.some((p) => p.name === "focusable" && p.value.value);
		return nodes.filter((node) => !node.ignored && acts(node) && node.role.value !== "main")
			.map((node) => [node.role.value, node.name?.value ?? ""]);
	},
};

async function main() {
	const root = process.getuid() === 0; // whose sandbox does not start
	browser = await chromium.launch({
		executablePath: process.argv[2],
		args: root ? ["--no-sandbox"] : [],
	});
	console.log(JSON.stringify({ ok: true }));
	for await (const line of readline.createInterface({ input: process.stdin })) {
		const { verb, ...arguments_ } = JSON.parse(line);
		try {
			console.log(JSON.stringify({ ok: true, value: (await verbs[verb](arguments_)) ?? null }));
		} catch (error) {
			console.log(JSON.stringify({ ok: false, error: String(error) }));
		}
	}
	await browser.close();
}

main();
