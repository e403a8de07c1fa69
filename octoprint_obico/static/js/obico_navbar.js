/* The icon in the navigation bar: connected, trouble or disconnected, by its shape and in words. */
(function (ui) {
    "use strict";

    const LOOKS = {
        okay: ["fa-plug-circle-check", () => gettext("Obico: connected")],
        error: ["fa-plug-circle-exclamation text-warning", () => gettext("Obico: trouble")],
        disconnected: ["fa-plug-circle-xmark text-error", () => gettext("Obico: disconnected")]
    };

    /** Icon and words for a status. A pure function: all of it has to be of the same moment. */
    function look(status) {
        const server = status.server;
        const told = status.alert && !status.alert.over ? status.alert.title : "";
        // The server is fine, but a print goes on without pictures
        const aside = server.state === "okay" && told;
        const [icon, word] = LOOKS[aside ? "error" : server.state] || LOOKS.error;
        const why = aside ? told : server.state === "okay" ? "" : server.cause_title;
        return {icon: `fas ${icon}`, title: why ? `${word()} – ${why}` : word()};
    }

    class ObicoNavbarViewModel {
        constructor(parameters) {
            [this.pages, this.settingsViewModel] = parameters;
            const status = this.pages.status;
            this.reportUrl = status.reportUrl;
            // Not linked there is nothing to be connected: the settings offer to link
            this.shown = ko.pureComputed(
                () =>
                    this.pages.mayTroubleshoot() &&
                    status.linked() &&
                    ui.isSwitchedOn(this.settingsViewModel, "navbar_icon")
            );
            this.look = ko.pureComputed(() =>
                status.data() ? look(status.data()) : {icon: "", title: ""}
            );
        }

        open() {
            return this.pages.openTroubleshooting();
        }
    }

    OCTOPRINT_VIEWMODELS.push({
        construct: ObicoNavbarViewModel,
        dependencies: ["obicoSettingsViewModel", "settingsViewModel"],
        elements: ["#navbar_plugin_obico"]
    });
})((window.ObicoUI = window.ObicoUI || {}));
