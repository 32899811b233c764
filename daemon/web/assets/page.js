// SPDX-License-Identifier: Apache-2.0
// Everything here is a comfort: without it each screen works by loading it again.
"use strict";

(() => {
	const live = document.getElementById("live");
	const said = document.getElementById("said");
	const body = document.body;
	const busy = new WeakSet(); // pieces that somebody began to fill in

	// --- countdowns ---

	const words = (left) =>
		left > 0 ? `${Math.floor(left / 60)} min ${left % 60} s` : "0 s";

	function prepare(root) {
		for (const item of root.querySelectorAll("[data-countdown]"))
			if (!item.dataset.end)
				item.dataset.end = Date.now() + 1000 * item.dataset.countdown;
	}

	function count() {
		for (const item of document.querySelectorAll("[data-end]")) {
			const left = Math.max(0, Math.round((item.dataset.end - Date.now()) / 1000));
			item.textContent = words(left);
		}
	}

	// --- the list that renews itself, piece by piece ---

	const key = (item) => item.dataset.key;
	const pieces = (root) => [...root.children].filter(key);
	const held = (item) =>
		item.contains(document.activeElement) ||
		busy.has(item) ||
		[...item.querySelectorAll("*")].some((inner) => busy.has(inner));

	// A window that stays as it is keeps its form, only its countdown moves.
	function same(old, fresh) {
		if (fresh.dataset.same !== undefined && fresh.dataset.same === old.dataset.same) {
			const from = fresh.querySelector("[data-countdown]");
			const to = old.querySelector("[data-countdown]");
			if (from && to)
				to.dataset.end = Date.now() + 1000 * from.dataset.countdown;
			return true;
		}
		return old.source === fresh.outerHTML;
	}

	function remember(root) {
		for (const item of root.querySelectorAll("[data-key]"))
			item.source = item.outerHTML;
	}

	function put(old, fresh) {
		const open = [...old.querySelectorAll("details")].map((item) => item.open);
		const source = fresh.outerHTML;
		[...fresh.querySelectorAll("details")].forEach((item, i) => {
			item.open = item.open || open[i] === true;
		});
		old.replaceWith(fresh);
		fresh.source = source;
		for (const item of fresh.querySelectorAll("[data-key]"))
			item.source = item.outerHTML;
		prepare(fresh);
	}

	function merge(parent, wanted, arrivals) {
		const present = new Map(pieces(parent).map((item) => [key(item), item]));
		let place = null;
		for (const fresh of wanted) {
			const old = present.get(key(fresh));
			present.delete(key(fresh));
			const outer = old && old.querySelector("[data-items]");
			const inner = fresh.querySelector("[data-items]");
			let item = old;
			if (outer && inner) {
				merge(outer, pieces(inner), arrivals);
			} else if (old && !held(old) && !same(old, fresh)) {
				const known = new Set(
					[...old.querySelectorAll("[data-key]")].map(key));
				for (const piece of fresh.querySelectorAll("[data-key]"))
					if (!known.has(key(piece)))
						arrivals.push(piece);
				put(old, fresh);
				item = fresh;
			} else if (!old) {
				parent.insertBefore(fresh, place ? place.nextSibling : parent.firstChild);
				fresh.source = fresh.outerHTML;
				prepare(fresh);
				arrivals.push(fresh);
				item = fresh;
			}
			place = item;
		}
		for (const gone of present.values())
			if (!held(gone))
				gone.remove();
	}

	function announce(arrivals) {
		const names = arrivals
			.filter((item) => key(item).startsWith("device-"))
			.map((item) => {
				item.classList.add("fresh");
				const title = item.querySelector("h3, th");
				return title ? title.textContent.trim() : "";
			});
		if (said && names.length > 0)
			said.textContent = `New: ${names.join(", ")}`;
	}

	async function renew() {
		const answer = await fetch(location.href, {
			headers: { "X-Background": "1" },
			credentials: "same-origin",
			redirect: "error",
		});
		if (answer.status === 401) {
			location.href = "/login";
			return;
		}
		if (!answer.ok)
			return;
		const page = new DOMParser().parseFromString(await answer.text(), "text/html");
		const wanted = page.getElementById("live");
		if (!wanted)
			return;
		const arrivals = [];
		merge(live, pieces(wanted), arrivals);
		announce(arrivals);
		count();
	}

	function start() {
		remember(live);
		live.addEventListener("input", (event) => {
			for (let at = event.target; at && at !== live; at = at.parentElement)
				if (at.dataset.key) {
					busy.add(at);
					break;
				}
		});
		const again = async () => {
			if (!document.hidden) {
				try {
					await renew();
				} catch {
					// The gateway is away for a moment: what is shown stays.
				}
			}
			setTimeout(again, 1000 * live.dataset.every);
		};
		setTimeout(again, 1000 * live.dataset.every);
	}

	// --- the end of the session ---

	function watchSession() {
		const dialog = document.getElementById("ending");
		const warning = 120;
		let end = Date.now() + 1000 * body.dataset.left;
		if (!dialog || !dialog.showModal)
			return;
		dialog.addEventListener("close", async () => {
			const answer = await fetch(location.href, { credentials: "same-origin" });
			const page = new DOMParser().parseFromString(await answer.text(), "text/html");
			end = Date.now() + 1000 * (page.body.dataset.left || 0);
		});
		setInterval(() => {
			const left = end - Date.now();
			if (left < 1000 * warning && left > 0 && !dialog.open)
				dialog.showModal();
		}, 5000);
	}

	prepare(document);
	setInterval(count, 1000);
	if (live)
		start();
	if (body.dataset.left)
		watchSession();
	document.addEventListener("submit", (event) => {
		const button = event.submitter;
		if (button)
			setTimeout(() => { button.disabled = true; }, 0);
	});
	window.addEventListener("pageshow", (event) => {
		if (event.persisted)
			location.reload();
	});
})();
