// SPDX-License-Identifier: Apache-2.0
// Pictures of every screen, as a person has it before their eyes.
"use strict";

const SIZES = { phone: { width: 360, height: 740 }, desk: { width: 1280, height: 800 } };

// args: {folder, state, screens: [[name, path]], only: parts of a picture's name with commas, or "", who}. What folds
// is open on screens whose name ends in "-open".
exports.take = async (stage, args) => {
	for (const [size, viewport] of Object.entries(SIZES)) {
		for (const colorScheme of ["light", "dark"]) {
			const name = (screen) => `${args.state}-${screen}-${size}-${colorScheme}`;
			const wanted = args.screens.filter(([screen]) => args.only.split(",").some((part) => name(screen).includes(part)));
			if (!wanted.length)
				continue;
			const options = { viewport, colorScheme };
			const page = args.who ? await stage.enter(args.who, options) : await stage.open(options);
			for (const [screen, path] of wanted) {
				await page.goto(path);
				if (screen.endsWith("-open"))
					await page.evaluate(() => document.querySelectorAll("details").forEach((item) => { item.open = true; }));
				await page.waitForTimeout(300);
				// As long as the page: the bar stands at the end of it, not across it.
				const height = await page.evaluate(() => document.documentElement.scrollHeight);
				await page.setViewportSize({ ...viewport, height: Math.max(viewport.height, height) });
				await page.screenshot({ path: `${args.folder}/${name(screen)}.png` });
				await page.setViewportSize(viewport);
				await stage.fits(page, `${screen} on the ${size}`);
			}
			await page.context().close();
		}
	}
	stage.allowed.push(/./);
};
