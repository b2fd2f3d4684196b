// Has parts of the page drawn again, each once in so many seconds; the next time waits for the last one's answer.
//
// What happens at the same moment is sent as one message that names one part of the page alone. So a tick waits
// for whatever has just been done.

const ASIDE_MS = 50;
const LOST_MS = 5000;

// One for the page.
const clock = (window.autoencoderLabClock ??= {
    timers: new Map(), ticks: new Map(), quietUntil: 0, listening: false,
    stepAside() { clock.quietUntil = performance.now() + ASIDE_MS; },
});

function listen() {
    const acts = ["pointerdown", "pointerup", "click", "keydown", "input", "change", "popstate"];
    for (const act of acts) window.addEventListener(act, clock.stepAside, { capture: true, passive: true });
}

export default function ({ data, setTriggerValue, parentElement }) {
    function wait(milliseconds) {
        clearTimeout(clock.timers.get(data.name));
        clock.timers.set(data.name, setTimeout(tick, milliseconds));
    }

    function tick() {
        if (!parentElement.isConnected) return;
        const quiet = clock.quietUntil - performance.now();
        if (quiet > 0) return wait(quiet);
        clock.stepAside();
        clock.ticks.set(data.name, performance.now());
        setTriggerValue("tick", data.turn);
        // A connection that was lost takes the answer with it.
        wait(LOST_MS);
    }

    const from = data.atRest ? null : clock.ticks.get(data.name);
    const since = performance.now() - (from ?? performance.now());
    wait(Math.max(ASIDE_MS, 1000 * data.seconds - since));
    if (!clock.listening) listen();
    clock.listening = true;
}
