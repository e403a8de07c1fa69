/* The diagnostic report, alive: times in the reader's zone, figures that follow, copy and save. */
(function () {
    "use strict";

    const POLL_MS = 5000;
    const LIMIT_MS = 8000;
    const words = document.body.dataset;
    let shownAt = new Date();
    let lastHtml = null;
    let isSilent = false;

    /** How moments are shown: to the second unless their element says otherwise. */
    const forms = {
        full: new Intl.DateTimeFormat(undefined, {dateStyle: "medium", timeStyle: "medium"}),
        minute: new Intl.DateTimeFormat(undefined, {dateStyle: "short", timeStyle: "short"}),
        clock: new Intl.DateTimeFormat(undefined, {timeStyle: "short"})
    };

    function byId(id) {
        return document.getElementById(id);
    }

    /** Show all times below an element in the reader's time zone; UTC stays on hover. */
    function localise(root) {
        root.querySelectorAll("time").forEach((element) => {
            element.title = element.textContent;
            element.textContent = forms[element.dataset.form || "full"].format(
                new Date(element.dateTime)
            );
        });
        window.obicoTimelines(root);
    }

    function say(text) {
        isSilent = false;
        byId("notice").textContent = text;
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

    /** Put a new element in place of the old one; what was unfolded and focused stays so. */
    function swap(old, fresh) {
        const focused = document.activeElement;
        old.querySelectorAll("details[id]").forEach((details) => {
            const same = fresh.querySelector(`#${CSS.escape(details.id)}`);
            if (same) {
                same.open = details.open;
            }
        });
        const path = focused && old.contains(focused) ? pathTo(old, focused) : null;
        old.replaceWith(fresh);
        const again = path && (focused.id ? byId(focused.id) : elementAt(fresh, path));
        if (again) {
            again.focus({preventScroll: true});
        }
    }

    /** Where an element without an id stands: the indices of the children on the way to it. */
    function pathTo(root, element) {
        const path = [];
        for (let each = element; each !== root; each = each.parentElement) {
            path.unshift([...each.parentElement.children].indexOf(each));
        }
        return path;
    }

    function elementAt(root, path) {
        return path.reduce((element, index) => element && element.children[index], root);
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
            swap(byId("live"), document.adoptNode(fresh));
            lastHtml = html;
        }
    }

    function refresh() {
        if (document.hidden) {
            return Promise.resolve();
        }
        const asked = window.location.search;
        return fetched(window.location.pathname + asked)
            .then((answer) => answer.text())
            .then((html) => {
                // an answer to what was asked before the reader chose the other span is too late
                if (asked === window.location.search) {
                    take(html);
                }
            })
            .catch(() => {
                lastHtml = null;
                saySilent();
            });
    }

    /** Refresh again and again, each time only after the answer to the last one. */
    function keepFresh() {
        setTimeout(() => refresh().then(keepFresh), POLL_MS);
    }

    /** Whole session or last hour, without leaving the place on the page. */
    function chooseSpan(event) {
        const link = event.target.closest(".spans a");
        if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
            event.preventDefault();
            window.history.replaceState(null, "", new URL(link.href).search);
            refresh();
        }
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

    function saveReport(report) {
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

    /** What the bundle would hold, before anybody saves it. */
    function listBundle() {
        const kept = byId("keep-ip").checked;
        fetched(`api/bundle/contents${kept ? "?keep_ip=1" : ""}`)
            .then((answer) => answer.json())
            .then((contents) => {
                byId("bundle-files").replaceChildren(...contents.files.map(bundleItem));
                byId("bundle-note").textContent = kept ? words.kept : words.removed;
            })
            .catch(saySilent);
    }

    function bundleItem(file) {
        const item = document.createElement("li");
        const name = document.createElement("strong");
        name.textContent = file.title;
        const size = `${Math.max(1, Math.round(file.size / 1024)).toLocaleString()} KB`;
        item.append(name, ` (${file.name}, ${size}): ${file.description}`);
        return item;
    }

    /** The link from Troubleshooting, and the button above it, lead to the list. */
    function showBundle() {
        if (window.location.hash === "#bundle") {
            byId("bundle-contents").open = true;
            byId("bundle").focus();
        }
    }

    byId("copy").addEventListener("click", () => {
        copy(byId("text").textContent).then(
            () => say(words.copied),
            () => say(words.refused)
        );
    });
    byId("save").addEventListener("click", (event) => {
        event.preventDefault();
        fetched("api/report")
            .then((answer) => answer.json())
            .then(saveReport)
            .catch(saySilent);
    });
    byId("bundle-contents").addEventListener("toggle", (event) => {
        if (event.target.open) {
            listBundle();
        }
    });
    byId("keep-ip").addEventListener("change", () => {
        if (byId("bundle-contents").open) {
            listBundle();
        }
    });
    byId("to-bundle").addEventListener("click", () => setTimeout(showBundle));
    window.addEventListener("hashchange", showBundle);
    document.addEventListener("click", chooseSpan);
    document.addEventListener("visibilitychange", refresh);
    byId("copy").hidden = false;
    localise(document);
    showBundle();
    keepFresh();
})();
