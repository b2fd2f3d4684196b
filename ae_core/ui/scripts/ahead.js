// Reads scripts that Streamlit would read only when it first draws what they are for.
//
// The page stands still while the browser does so: each one waits until nobody has done anything for a while.

const QUIET_MS = 3000;
const ACTS = ["pointerdown", "pointermove", "pointerup", "touchmove", "keydown", "wheel"];

// One for the page.
const ahead = (window.autoencoderLabAhead ??= { isListening: false });

const own = () => document.querySelector("script[src*='/static/js/']");

async function read(files) {
    for (const name of files) {
        // What is lost on the way is asked for again by whoever needs it.
        await import(new URL(name, own().src).href).catch(() => {});
    }
}

function waitForQuiet(files, near) {
    if (files.length === 0) return;
    const [first, ...others] = files, options = { capture: true, passive: true };
    let timer = null;
    const end = () => {
        clearTimeout(timer);
        for (const act of ACTS) document.removeEventListener(act, wait, options);
        document.removeEventListener("pointerover", approach, options);
    };
    const wait = () => {
        clearTimeout(timer);
        if (navigator.connection?.saveData) return;
        timer = setTimeout(async () => {
            end();
            await read([first]);
            waitForQuiet(others, near);
        }, QUIET_MS);
    };
    const approach = ({ target }) => {
        if (!target.closest?.(near)) return;
        end();
        read(files);
    };
    for (const act of ACTS) document.addEventListener(act, wait, options);
    document.addEventListener("pointerover", approach, options);
    wait();
}

export default function ({ data }) {
    if (ahead.isListening || !own()) return;
    ahead.isListening = true;
    waitForQuiet(data.files, data.near);
}
