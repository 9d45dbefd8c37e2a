/** A dashboard as its operator knows it: presses and readings, found by data-testid alone. */

const PATIENCE_MS = 10_000;

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
    await this.page.keyboard.press('Enter');
    await this.see('connection');
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

  async waitUntilGone(call, within = PATIENCE_MS) {
    await this.page.waitForSelector(of(`call-${call}`), { hidden: true, timeout: within });
  }

  connection = () => this.page.$eval(of('connection'), (bar) => bar.dataset.state);
  text = (testId) => this.page.$eval(of(testId), (element) => element.value ?? element.textContent.trim());
  stateOf = (testId) => this.page.$eval(of(testId), (element) => ({ ...element.dataset }));
  refusal = () => this.text('refusal');

  // Fingers
  async see(testId, within = PATIENCE_MS) {
    return this.page.waitForSelector(of(testId), { visible: true, timeout: within });
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

function of(testId) {
  return `[data-testid="${testId}"]`;
}
