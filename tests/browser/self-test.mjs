/**
 * Tries browser.mjs, desk.mjs and story.mjs on a page of their own, without the switch: a failure here is theirs.
 * Ends with `N passed, N failed`.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A row with a button, and a peer connection to itself that brings the microphone back as a remote track. */
const PAGE = `<!doctype html><title>self-test</title>
<div data-testid="connection" data-state="open"></div>
<ul><li data-testid="call-7" data-status="on-hold"><button data-testid="put-on-air">Air</button></li></ul>
<input data-testid="card-name" value="before">
<button data-testid="next" disabled>Next</button>
<script type="module">
  const row = document.querySelector('li');
  row.firstChild.onclick = () => setTimeout(() => (row.dataset.status = 'on-air'), 50);
  const [a, b] = [new RTCPeerConnection(), new RTCPeerConnection()];
  a.onicecandidate = (event) => b.addIceCandidate(event.candidate);
  b.onicecandidate = (event) => a.addIceCandidate(event.candidate);
  const microphone = await navigator.mediaDevices.getUserMedia({
    audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
  });
  microphone.getTracks().forEach((track) => a.addTrack(track, microphone));
  await a.setLocalDescription();
  await b.setRemoteDescription(a.localDescription);
  await b.setLocalDescription();
  await a.setRemoteDescription(b.localDescription);
</script>`;

const server = createServer((_, response) => response.setHeader('content-type', 'text/html').end(PAGE));
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const address = `http://127.0.0.1:${server.address().port}/`;

const program = fileURLToPath(new URL('story.mjs', import.meta.url));
const story = spawn(process.execPath, [program], { stdio: ['pipe', 'pipe', 'inherit'] });
const answers = createInterface({ input: story.stdout })[Symbol.asyncIterator]();

async function tell(verb, ...given) {
  story.stdin.write(`${JSON.stringify({ id: verb, desk: 'host', do: verb, with: given, microphoneHz: 700 })}\n`);
  const { value } = await answers.next();
  return JSON.parse(value);
}

/** One track, which brings the microphone's 700 Hz at the level of its file and no 440 Hz. */
function isPure({ tracks, tones }) {
  return tracks.length === 1 && Math.abs(tones[700] + 15) < 2 && tones[440] < -60;
}

const checks = {
  'a browser arrives': async () => assert.deepEqual(await tell('arrive'), { id: 'arrive', ok: true }),
  'it opens a page': async () => assert.equal((await tell('open', address)).ok, true),
  'it reads a state': async () => assert.equal((await tell('connection')).result, 'open'),
  'it lists the calls': async () => assert.deepEqual((await tell('calls')).result, ['7']),
  'a press is obeyed': async () => {
    assert.equal((await tell('putOnAir', '7')).ok, true);
    assert.equal((await tell('waitForStatus', '7', 'on-air', 2_000)).ok, true);
    assert.deepEqual((await tell('statuses', '7')).result, ['on-air']);
  },
  'a field is overwritten': async () => {
    await tell('fillCard', { name: 'Ada' });
    assert.equal((await tell('text', 'card-name')).result, 'Ada');
  },
  'the microphone is heard, and nothing else': async () => {
    // A browser that stutters makes a noise of its own for a moment; a voice beside the tone would stay.
    let result;
    for (let window = 0; window < 3; window += 1) {
      ({ result } = await tell('hear', [440, 700], 2_500));
      if (isPure(result)) return;
    }
    assert.fail(JSON.stringify(result));
  },
  'what is missing is said': async () => {
    const answer = await tell('waitForStatus', '8', 'on-air', 200);
    assert.equal(answer.ok, false);
    assert.match(answer.error, /call-8/);
  },
  'a picture is taken': async () => assert.match((await tell('screenshot', 'self-test')).result, /self-test\.png$/),
  'it leaves': async () => assert.equal((await tell('leave')).ok, true),
};

let bad = 0;
for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    console.log(`ok    ${name}`);
  } catch (error) {
    bad += 1;
    console.log(`FAIL  ${name}: ${error.message}`);
  }
}
story.stdin.end();
server.close();
console.log(`${Object.keys(checks).length - bad} passed, ${bad} failed`);
process.exitCode = bad === 0 ? 0 : 1;
