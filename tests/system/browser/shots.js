// SPDX-License-Identifier: Apache-2.0
// Pictures of every screen, as a person has it before their eyes.
"use strict";

const SIZES = { phone: { width: 360, height: 740 }, desk: { width: 1280, height: 800 } };

// args: {folder, state, screens: [[name, path]], only: ["phone-light", ...] or null, who}
exports.take = async (stage, args) => {
	for (const [size, viewport] of Object.entries(SIZES)) {
		for (const colorScheme of ["light", "dark"]) {
			const options = { viewport, colorScheme };
			const page = args.who ? await stage.enter(args.who, options) : await stage.open(options);
			for (const [name, path] of args.screens) {
				await page.goto(path);
				await page.waitForTimeout(300);
				// As long as the page: the bar stands at the end of it, not across it.
				const height = await page.evaluate(() => document.documentElement.scrollHeight);
				await page.setViewportSize({ ...viewport, height: Math.max(viewport.height, height) });
				await page.screenshot({ path: `${args.folder}/${args.state}-${name}-${size}-${colorScheme}.png` });
				await page.setViewportSize(viewport);
				await stage.fits(page, `${name} on the ${size}`);
			}
			await page.context().close();
		}
	}
	stage.allowed.push(/./);
};
