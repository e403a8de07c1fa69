/* The diagnostic report, alive: times in the reader's zone, figures that follow, copy and save. */
(function () {
    "use strict";

    const POLL_MS = 5000;
    const LIMIT_MS = 8000;
    const words = document.body.dataset;
    let shownAt = new Date();
    let lastHtml = null;
    let isSilent = false;

    /** Show all times below an element in the reader's time zone; UTC stays on hover. */
    function localise(root) {
        const format = new Intl.DateTimeFormat(undefined, {
            dateStyle: "medium",
            timeStyle: "medium"
        });
        root.querySelectorAll("time").forEach((element) => {
            element.title = element.textContent;
            element.textContent = format.format(new Date(element.dateTime));
        });
    }

    function say(text) {
        isSilent = false;
        document.getElementById("notice").textContent = text;
    }

    /** Fetch with a time limit; an answer that is no success is an error as well. */
    function fetched(url) {
        const abort = new AbortController();
        const timer = setTimeout(() => abort.abort(), LIMIT_MS);
        return fetch(url, {signal: abort.signal, credentials: "same-origin", cache: "no-store"})
            .then((answer) => {
                if (!answer.ok) {
                    throw new Error(String(answer.status));
                }
                return answer;
            })
            .finally(() => clearTimeout(timer));
    }

    /** Say that OctoPrint does not answer; gone again with its next answer. */
    function saySilent() {
        say(words.silent.replace("{time}", shownAt.toLocaleTimeString()));
        isSilent = true;
    }

    function isReading() {
        const selection = window.getSelection();
        return selection !== null && !selection.isCollapsed;
    }

    /** Put the page's new contents in place of the old; the server has rendered and escaped it. */
    function take(html) {
        if (isSilent) {
            say("");
        }
        shownAt = new Date();
        if (html === lastHtml || isReading()) {
            return;
        }
        const fresh = new DOMParser().parseFromString(html, "text/html").getElementById("live");
        if (fresh) {
            localise(fresh);
            document.getElementById("live").replaceWith(document.adoptNode(fresh));
            lastHtml = html;
        }
    }

    function refresh() {
        if (document.hidden) {
            return Promise.resolve();
        }
        return fetched(window.location.href)
            .then((answer) => answer.text())
            .then(take)
            .catch(() => {
                lastHtml = null;
                saySilent();
            });
    }

    /** Refresh again and again, each time only after the answer to the last one. */
    function keepFresh() {
        setTimeout(() => refresh().then(keepFresh), POLL_MS);
    }

    /** Copy a text: where pages come without https there is no clipboard object. */
    function copy(text) {
        if (navigator.clipboard && window.isSecureContext) {
            return navigator.clipboard.writeText(text);
        }
        const area = document.createElement("textarea");
        area.value = text;
        document.body.appendChild(area);
        area.select();
        const copied = document.execCommand("copy");
        area.remove();
        return copied ? Promise.resolve() : Promise.reject(new Error("copy"));
    }

    function save(report) {
        const blob = new Blob([JSON.stringify(report, null, 2)], {type: "application/json"});
        const link = document.createElement("a");
        const time = report.generated_at.replace(/\.\d+Z$/, "").replace(/[:-]/g, "");
        link.href = URL.createObjectURL(blob);
        link.download = `obico-report-${time}.json`;
        document.body.appendChild(link);
        link.click();
        link.remove();
        setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    }

    document.getElementById("copy").addEventListener("click", () => {
        copy(document.getElementById("live").innerText).then(
            () => say(words.copied),
            () => say(words.refused)
        );
    });
    document.getElementById("save").addEventListener("click", () => {
        fetched("api/report")
            .then((answer) => answer.json())
            .then(save)
            .catch(saySilent);
    });
    document.addEventListener("visibilitychange", refresh);
    document.querySelector(".actions").hidden = false;
    localise(document);
    keepFresh();
})();
