/** A dashboard as its operator knows it: presses and readings, found by data-testid alone. */

const PATIENCE_MS = 20_000;

export class Desk {
  constructor(page) {
    this.page = page;
  }

  /** `address`: a page of the switch, or the one-time sign-in link that it prints. */
  async open(address) {
    await this.page.goto(address, { waitUntil: 'domcontentloaded' });
  }

  async signIn(name, password) {
    await this.write('sign-in-name', name);
    await this.write('sign-in-password', password);
    await this.press('sign-in');
    await this.waitUntilConnected();
  }

  // The show
  goLive = () => this.press('go-live');
  openLines = () => this.press('open-lines');
  closeLines = () => this.press('close-lines');
  joinStudio = () => this.press('join-studio');
  next = () => this.press('next');

  async endShow() {
    await this.press('end-show');
    await this.press('end-confirm');
  }

  async busyAll(busy) {
    await this.press('busy-all');
    await this.page.waitForSelector(`${of('lines')}[data-busy="${busy}"]`, { timeout: PATIENCE_MS });
  }

  // The station
  async makeShow({ name, slug, number }) {
    // Without a show the form is open already.
    await this.page.waitForSelector(`${of('new-show')}, ${of('show-name')}`, { timeout: PATIENCE_MS });
    if (await this.page.$(of('new-show'))) await this.press('new-show');
    await this.write('show-name', name);
    await this.write('show-slug', slug);
    await this.write('show-numbers', number);
    await this.press('save-show');
    await this.seeText('shows', name);
  }

  async makeEpisode(title) {
    await this.write('episode-title', title);
    await this.press('create-episode');
    await this.seeText('episodes', title);
  }

  async makeOperator(name, role, password) {
    await this.write('operator-new-name', name);
    await (await this.see('operator-new-role')).select(role);
    await this.write('operator-new-password', password);
    await this.press('create-operator');
    await this.seeText('operators', name);
  }

  // One caller
  pickUp = (call) => this.pressIn(call, 'pick-up');
  putOnAir = (call) => this.pressIn(call, 'put-on-air');
  hold = (call) => this.pressIn(call, 'hold');
  setNext = (call) => this.pressIn(call, 'set-next');

  /** Pressed twice where the first press only arms it (on air). */
  async drop(call) {
    const button = await this.pressIn(call, 'drop');
    const armed = await button.evaluate((element) => element.dataset.state === 'armed').catch(() => false);
    if (armed) await button.click();
  }

  async setMuted(call, muted) {
    await this.pressIn(call, 'mute');
    await this.page.waitForSelector(`${of(`call-${call}`)}[data-muted="${muted}"]`, { timeout: PATIENCE_MS });
  }

  /** Turns a caller up by one step; gives the gain that the page shows then. */
  async louder(call) {
    const shown = `${of(`call-${call}`)} ${of('gain')}`;
    const gain = () => this.page.$eval(shown, (element) => Number(element.dataset.gain));
    const before = await gain();
    await this.pressIn(call, 'louder');
    await this.page.waitForFunction(
      (at, old) => Number(document.querySelector(at)?.dataset.gain) > old,
      { timeout: PATIENCE_MS },
      shown,
      before,
    );
    return gain();
  }

  async setDucking(on) {
    await this.press('set-ducking');
    await this.page.waitForSelector(`${of('ducking')}[data-on="${on}"]`, { timeout: PATIENCE_MS });
  }

  /** Whether the page says that callers are down under the hosts. */
  async waitForDucked(down) {
    await this.page.waitForSelector(`${of('ducking')}[data-down="${down}"]`, { timeout: PATIENCE_MS });
  }

  /** Picks up and gives the milliseconds from the press until the page showed the call on the card, by the page's clock. */
  async pickUpTimed(call) {
    await this.page.waitForSelector(`${of(`call-${call}`)} ${of('pick-up')}:not([disabled])`, { timeout: PATIENCE_MS });
    return this.page.evaluate(timePress, `${of(`call-${call}`)} ${of('pick-up')}`, `${of('card')}[data-call="${call}"]`);
  }

  // The card of the caller whom this screener holds
  approve = () => this.press('approve');
  approveNext = () => this.press('approve-next');
  backToLobby = () => this.press('back-to-lobby');

  async fillCard(fields) {
    for (const [field, text] of Object.entries(fields)) await this.write(`card-${field}`, text);
  }

  // Readings
  /** The statuses this desk shows for a call: none when it is not on the page. */
  async statuses(call) {
    return this.page.$$eval(of(`call-${call}`), (rows) => rows.map((row) => row.dataset.status));
  }

  /** The ids of the calls on the page, in order, each once. */
  async calls() {
    const testIds = await this.page.$$eval('[data-testid^="call-"]', (rows) => rows.map((row) => row.dataset.testid));
    return [...new Set(testIds.map((testId) => testId.slice('call-'.length)))];
  }

  /** Resolves to the milliseconds it took until the call was shown with this status. */
  async waitForStatus(call, status, within = PATIENCE_MS) {
    const started = performance.now();
    await this.page.waitForSelector(`${of(`call-${call}`)}[data-status="${status}"]`, { timeout: within });
    return Math.round(performance.now() - started);
  }

  /** Resolves to the id of the call, once somebody of this name waits in the lobby. */
  async waitForCaller(name, within = PATIENCE_MS) {
    const waiting = `${of('lobby')} li[data-status="queued"][data-ringing="false"]`;
    const label = await this.page.waitForSelector(`${waiting} ::-p-text(${name})`, { timeout: within });
    return label.evaluate((element) => element.closest('li').dataset.call);
  }

  async waitForCard(call, within = PATIENCE_MS) {
    await this.page.waitForSelector(`${of('card')}[data-call="${call}"]`, { timeout: within });
  }

  async waitForNoCard(within = PATIENCE_MS) {
    await this.page.waitForSelector(`${of('card')}:not([data-call])`, { timeout: within });
  }

  async waitForRoom(state, within = PATIENCE_MS) {
    await this.page.waitForSelector(`${of('mic')}[data-room="${state}"]`, { timeout: within });
  }

  async waitUntilGone(call, within = PATIENCE_MS) {
    await this.page.waitForSelector(of(`call-${call}`), { hidden: true, timeout: within });
  }

  /** The bar says nothing while all is well: it is there, not seen. */
  async waitUntilConnected(within = PATIENCE_MS) {
    await this.waitForState('connection', ['connected', 'regained'], within);
  }

  async waitUntilLost(within = PATIENCE_MS) {
    await this.waitForState('connection', ['lost'], within);
  }

  async waitForState(testId, states, within = PATIENCE_MS) {
    const selector = states.map((state) => `${of(testId)}[data-state="${state}"]`).join(', ');
    await this.page.waitForSelector(selector, { timeout: within });
  }

  connection = () => this.page.$eval(of('connection'), (bar) => bar.dataset.state);
  text = (testId) => this.page.$eval(of(testId), (element) => element.value ?? element.textContent.trim());
  stateOf = (testId) => this.page.$eval(of(testId), (element) => ({ ...element.dataset }));

  async refusal() {
    await this.see('refusal');
    return this.text('refusal');
  }

  // Fingers
  async see(testId, within = PATIENCE_MS) {
    return this.page.waitForSelector(of(testId), { visible: true, timeout: within });
  }

  async seeText(testId, text, within = PATIENCE_MS) {
    const shows = (selector, words) => document.querySelector(selector)?.textContent.includes(words);
    await this.page.waitForFunction(shows, { timeout: within }, of(testId), text);
  }

  async press(testId) {
    return this.click(of(testId));
  }

  async pressIn(call, testId) {
    return this.click(`${of(`call-${call}`)} ${of(testId)}`);
  }

  async click(selector) {
    const pressable = `${selector}:not([disabled])`;
    const button = await this.page.waitForSelector(pressable, { visible: true, timeout: PATIENCE_MS });
    await button.click();
    return button;
  }

  async write(testId, text) {
    const field = await this.see(testId);
    await field.evaluate((element) => element.select());
    await field.type(text);
    await field.evaluate((element) => element.blur());
  }

  async key(name) {
    await this.page.keyboard.press(name);
  }

  async screenshot(file) {
    await this.page.screenshot({ path: file, fullPage: false });
  }
}

/** Runs inside the page. */
function timePress(button, sign) {
  return new Promise((resolve) => {
    const observer = new MutationObserver(() => {
      if (!document.querySelector(sign)) return;
      observer.disconnect();
      resolve(performance.now() - pressed);
    });
    observer.observe(document.body, { subtree: true, childList: true, attributes: true });
    const pressed = performance.now();
    document.querySelector(button).click();
  });
}

function of(testId) {
  return `[data-testid="${testId}"]`;
}
