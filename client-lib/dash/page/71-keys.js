/* SPDX-License-Identifier: MIT */
/* Single keys, which can be switched off, and the help that lists them. */

const KEYS = [
  { key: "j", words: "next pool", act: (page) => page.pools.step(1) },
  { key: "k", words: "previous pool", act: (page) => page.pools.step(-1) },
  { key: "[", words: "shorter range of the charts", act: (page) => page.charts.stepRange(-1) },
  { key: "]", words: "longer range", act: (page) => page.charts.stepRange(1) },
  { key: "p", words: "pause, go on", act: (page) => page.setPaused(!page.isPaused) },
  { key: "t", words: "theme: system, light, dark", act: (page) => page.nextTheme() },
  { key: "?", words: "this help", act: () => find("help-dialog").showModal() },
];

class Keys {
  constructor(page) {
    const box = find("keys-on");
    box.checked = remembered("keys", "on") === "on";
    box.addEventListener("change", () => remember("keys", box.checked ? "on" : "off"));
    for (const { key, words } of KEYS) {
      const term = make("dt");
      term.append(make("kbd", "", key));
      find("key-list").append(term, make("dd", "", words));
    }
    const more = make("dt");
    more.append(make("kbd", "", "Enter"));
    find("key-list").append(more, make("dd", "", "on a pool: open or close its row"));
    this.listHealth();
    addEventListener("keydown", (event) => {
      if (!box.checked || event.ctrlKey || event.altKey || event.metaKey || this.isTyped(event.target)) return;
      const found = KEYS.find(({ key }) => key === event.key);
      if (!found || find("help-dialog").open) return;
      event.preventDefault();
      found.act(page);
    });
  }

  isTyped(target) {
    return target instanceof Element && target.closest("input:not([type=radio]):not([type=checkbox]), select, textarea") !== null;
  }

  listHealth() {
    HEALTH.forEach((health, code) => {
      const item = make("li");
      const shape = make("span");
      setHealth(shape, code);
      item.append(shape, ` ${HEALTH_MEANS[code]}`);
      find("health-legend").append(item);
    });
  }
}
