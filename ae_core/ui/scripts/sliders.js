// Sliders while they are held: Streamlit tells of one only when it is let go.

const TYPED_MS = 300;

const inputOf = ({ place }) => document.querySelector(`${place} input[type=range]`);

// Where they stand, by what they move.
function positions() {
    const inputs = Object.entries(pen.data.sliders).map(([name, slider]) => [name, inputOf(slider)]);
    return Object.fromEntries(inputs.filter(([, input]) => input).map(([name, { value }]) => [name, Number(value)]));
}

const isElsewhere = () =>
    Object.entries(positions()).some(([name, at]) => Math.abs(at - pen.data.sliders[name].at) > 1e-6);

const whereTheyStand = {
    stands: () => true,
    ask() {
        const { drawnAt, letGo } = pen.data, at = JSON.stringify(positions());
        return {
            body: "",
            headers: { "X-Moved": at, "X-Let-Go": letGo },
            // A page that was drawn meanwhile knows better where they stood.
            fits: () => pen.data.drawnAt === drawnAt || JSON.stringify(positions()) === at,
        };
    },
};

function listenToSliders() {
    let held = false, typedAt = -Infinity, asked = "";
    const isHeld = () => held || performance.now() - typedAt < TYPED_MS;
    const isSlider = ({ target }) =>
        Object.values(pen.data.sliders).some(({ place }) => target.closest?.(place)?.querySelector("[type=range]"));
    const moved = () => {
        const at = JSON.stringify(positions());
        if (at === asked || !isHeld()) return;
        asked = at;
        offer(whereTheyStand);
    };
    // Of a page that was drawn while one is held, perhaps as it stood before.
    pen.slidersDrawn = () => {
        asked = "";
        if (isElsewhere()) moved();
    };
    const options = { capture: true, passive: true };
    document.addEventListener("pointerdown", event => { held = isSlider(event); }, options);
    for (const name of ["pointerup", "pointercancel"]) {
        document.addEventListener(name, () => { held = false; }, options);
    }
    document.addEventListener("keydown", event => { if (isSlider(event)) typedAt = performance.now(); }, options);
    const observer = new MutationObserver(changes => {
        if (changes.some(({ target }) => target.type === "range")) moved();
    });
    observer.observe(document.body, { subtree: true, attributeFilter: ["value"] });
}
