/* The report's timelines in the reader's time zone: axes at round times of his, and tooltips. */
(function () {
    "use strict";

    const DAY_S = 86400;
    const STEPS_S = [60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, DAY_S];
    const TICK_PX = 90;
    const EDGE = 0.07;
    const SVG = "http://www.w3.org/2000/svg";

    /** How far local time is ahead of UTC at a moment, in seconds. */
    function offset(seconds) {
        return -60 * new Date(seconds * 1000).getTimezoneOffset();
    }

    /** The smallest step that leaves room for the labels; whole days beyond a day. */
    function stepOf(length, most) {
        const step = STEPS_S.find((each) => length / each <= most);
        return step || DAY_S * Math.ceil(length / most / DAY_S);
    }

    /** The moments of the ticks: round ones of the reader's clock. */
    function moments(start, end, most) {
        const step = stepOf(end - start, most);
        const found = [];
        let local = Math.ceil((start + offset(start)) / step) * step;
        while (local - offset(start) <= end && found.length <= most) {
            // the clock may be put forward or back within the session
            const moment = local - offset(local - offset(start));
            if (moment >= start && moment <= end) {
                found.push(moment);
            }
            local += step;
        }
        return found;
    }

    function element(name, attributes, text) {
        const made = document.createElementNS(SVG, name);
        Object.keys(attributes).forEach((key) => made.setAttribute(key, attributes[key]));
        if (text !== undefined) {
            made.textContent = text;
        }
        return made;
    }

    function labelOf(length) {
        const day = {day: "numeric", month: "short"};
        const time = {hour: "2-digit", minute: "2-digit"};
        const form = length > 4 * DAY_S ? day : length > DAY_S ? {...day, ...time} : time;
        return new Intl.DateTimeFormat(undefined, form);
    }

    function drawAxis(axis) {
        const start = Number(axis.dataset.start);
        const end = Number(axis.dataset.end);
        const length = end - start;
        const most = Math.max(2, Math.min(8, Math.floor(window.innerWidth / TICK_PX) - 1));
        const format = labelOf(length);
        const drawn = [element("line", {x1: 0, x2: "100%", y1: 0.5, y2: 0.5})];
        moments(start, end, most).forEach((moment) => {
            const at = (moment - start) / length;
            const x = `${(100 * at).toFixed(3)}%`;
            const place = at < EDGE ? "first" : at > 1 - EDGE ? "last" : "";
            drawn.push(
                element("line", {x1: x, x2: x, y1: 0, y2: 5}),
                element("text", {x: x, y: 16, class: place}, format.format(moment * 1000))
            );
        });
        axis.replaceChildren(...drawn);
    }

    /** Show all timelines below an element in the reader's time zone. */
    window.obicoTimelines = function (root) {
        const format = new Intl.DateTimeFormat(undefined, {
            dateStyle: "short",
            timeStyle: "short"
        });
        root.querySelectorAll(".axis").forEach(drawAxis);
        root.querySelectorAll(".hit").forEach((hit) => {
            const [from, to] = [hit.dataset.start, hit.dataset.end].map((each) =>
                format.format(Number(each) * 1000)
            );
            hit.querySelector("title").textContent = `${from} – ${to}: ${hit.dataset.words}`;
        });
        root.querySelectorAll(".zone").forEach((zone) => {
            zone.textContent = zone.dataset.local;
        });
    };
})();
