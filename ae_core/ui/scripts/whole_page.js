// Asks for the whole page when the connection comes back: a server that was started anew knows no part of the
// page, and would not answer what is done in one.

export default function ({ setTriggerValue }) {
    const app = document.querySelector("[data-test-connection-state]");
    if (!app) return;
    let before = app.dataset.testConnectionState;
    const observer = new MutationObserver(() => {
        const now = app.dataset.testConnectionState;
        if (now === "CONNECTED" && before !== now) setTriggerValue("ask", performance.now());
        before = now;
    });
    observer.observe(app, { attributeFilter: ["data-test-connection-state"] });
    return () => observer.disconnect();
}
