/* What OctoPrint's Health Check shows of the plugin's channels. */
(function () {
    "use strict";

    const PARTS = {
        obico_http: () => gettext("Obico: connection to the server (HTTP)"),
        obico_websocket: () => gettext("Obico: connection to the server (WebSocket)"),
        obico_webcam: () => gettext("Obico: connection to the webcam"),
        obico_plugin: () => gettext("Obico: the plugin itself")
    };

    /** The Health Check takes markup: what comes from OctoPrint is escaped. */
    function itemHtml(item) {
        const steps = item.remedy.map((step) => `<li>${_.escape(step)}</li>`).join("");
        const webcam = item.channel.indexOf("webcam:") === 0 ? item.channel.slice(7) : "";
        const title = webcam ? `${webcam}: ${item.title}` : item.title;
        return `<p><strong>${_.escape(title)}</strong></p><ul>${steps}</ul>`;
    }

    function handler(key) {
        return (result, context) => {
            const report = _.escape(OctoPrint.plugins.obico.url("report"));
            const link = `<p><a href="${report}" target="_blank" rel="noopener">${_.escape(gettext("Diagnostic report"))}</a></p>`;
            const html = context.items.map(itemHtml).join("") + link;
            return {title: PARTS[key](), html, result};
        };
    }

    class ObicoHealthViewModel {
        getAdditionalHealthCheckHandlers() {
            return _.mapValues(PARTS, (title, key) => handler(key));
        }
    }

    OCTOPRINT_VIEWMODELS.push({construct: ObicoHealthViewModel, dependencies: [], elements: []});
})();
