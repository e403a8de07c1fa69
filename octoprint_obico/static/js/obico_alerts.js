/* Notices on every page: trouble that matters, once, and that it is over, once. */
(function (ui) {
    "use strict";

    const STORE = "plugin.obico.alerts";

    /** So many are remembered; OctoPrint has one alert at a time, and few in a day. */
    const REMEMBERED = 50;

    /** What this browser has been told of, and what it must not be told of. */
    ui.AlertMemory = class AlertMemory {
        constructor() {
            // What another window tells from now on is told in this one as well
            this._told = this._read().told;
        }

        hasTold(id) {
            return this._told.indexOf(id) >= 0;
        }

        noteTold(id) {
            if (!this.hasTold(id)) {
                this._told.push(id);
                this._write("told", _.union(this._read().told, [id]).slice(-REMEMBERED));
            }
        }

        isMuted(kind) {
            return this._read().muted.indexOf(kind) >= 0;
        }

        mute(kind, muted) {
            const others = _.without(this._read().muted, kind);
            this._write("muted", muted ? others.concat(kind) : others);
        }

        /** The kinds that must not be told. */
        muted() {
            return this._read().muted;
        }

        tellAll() {
            this._write("muted", []);
        }

        _read() {
            const stored = loadFromLocalStorage(STORE) || {};
            const list = (value) => (Array.isArray(value) ? value : []);
            return {told: list(stored.told), muted: list(stored.muted)};
        }

        _write(key, value) {
            saveToLocalStorage(STORE, Object.assign(this._read(), {[key]: value}));
        }
    };

    /** One notice in the corner; its alert may change while it is open. */
    class AlertNotice {
        /** open: what its link does; true lets it go on to the report. */
        constructor(alert, memory, open) {
            this.id = alert.id;
            this._memory = memory;
            this._open = open;
            this._box = new PNotify(
                Object.assign(this._look(alert), {
                    // An end that nobody had to wait for passes by itself
                    hide: alert.over,
                    addclass: "obico-alert",
                    buttons: {sticker: false}
                })
            );
            this._bind(alert);
        }

        update(alert) {
            this._box.update(this._look(alert));
            this._bind(alert);
        }

        close() {
            this._box.remove();
        }

        /** Whether the user has not closed it. */
        get isOpen() {
            return this._box.state === "open" || this._box.state === "opening";
        }

        /** PNotify takes markup: what comes from OctoPrint is escaped. */
        _look(alert) {
            const report = _.escape(OctoPrint.plugins.obico.url("report"));
            const why = gettext("Troubleshooting");
            const mute = gettext("Do not tell me again");
            const undo = gettext("To change that: Settings > Obico for OctoPrint > Settings.");
            const link = `<a class="obico-alert-open" href="${report}" target="_blank" rel="noopener">${_.escape(why)}</a>`;
            const box = `<label class="checkbox"><input type="checkbox" class="obico-alert-mute"> ${_.escape(mute)}</label>`;
            const hint = `<p class="obico-alert-undo" role="status" hidden><small>${_.escape(undo)}</small></p>`;
            return {
                title: _.escape(alert.title),
                text:
                    `<p>${_.escape(alert.text)}</p>` +
                    (alert.over ? "" : `<p>${link}</p>${box}${hint}`),
                type: alert.over ? "success" : "notice"
            };
        }

        _bind(alert) {
            const element = this._box.elem;
            element.find(".obico-alert-open").on("click", () => this._open());
            const hint = element.find(".obico-alert-undo");
            const box = element.find(".obico-alert-mute");
            const muted = this._memory.isMuted(alert.kind);
            box.prop("checked", muted).on("change", () => {
                this._memory.mute(alert.kind, box.prop("checked"));
                hint.prop("hidden", !box.prop("checked"));
            });
            hint.prop("hidden", !muted);
        }
    }

    /** The switches in the tab Settings: what is shown, and whether this browser keeps silent. */
    ui.AlertSettings = class AlertSettings {
        constructor(settingsViewModel) {
            this._settings = settingsViewModel;
            this._memory = new ui.AlertMemory();
            this.navbarIcon = ko.observable(true);
            this.alerts = ko.observable(true);
            this.muted = ko.observableArray([]);
        }

        /** Show what is stored. */
        reset() {
            this.navbarIcon(ui.isSwitchedOn(this._settings, "navbar_icon"));
            this.alerts(ui.isSwitchedOn(this._settings, "alerts"));
            this.muted(this._memory.muted());
        }

        beforeSave() {
            const stored = this._settings.settings.plugins.obico;
            stored.navbar_icon(this.navbarIcon());
            stored.alerts(this.alerts());
        }

        tellAgain() {
            this._memory.tellAll();
            this.muted([]);
        }
    };

    /** A switch of the stored settings; on where this user must not see them. */
    ui.isSwitchedOn = function (settingsViewModel, key) {
        const settings = settingsViewModel.settings;
        const stored = settings && settings.plugins && settings.plugins.obico;
        return !(stored && stored[key]) || stored[key]();
    };

    class ObicoAlertsViewModel {
        constructor(parameters) {
            [this.pages, this.settingsViewModel] = parameters;
            this._memory = new ui.AlertMemory();
            this._notice = null;
            this.pages.status.data.subscribe((status) => this._take(status.alert));
            this.pages.page.subscribe((page) => this._giveWay(page));
            this.onStartupComplete = this.onDataUpdaterReconnect = () => this._look();
            this.onUserPermissionsChanged = this.onUserLoggedIn = () => this._look();
            this.onUserLoggedOut = () => this._close();
        }

        _look() {
            if (this.pages.mayTroubleshoot()) {
                this.pages.status.peek();
            } else {
                this._close();
            }
        }

        _take(alert) {
            if (!alert || !ui.isSwitchedOn(this.settingsViewModel, "alerts")) {
                this._close();
                return;
            }
            if (this._notice && this._notice.id !== alert.id) {
                this._close();
            }
            const news = alert.over ? `${alert.id}/over` : alert.id;
            if (this._notice && this._notice.isOpen) {
                this._notice.update(alert);
            } else if (!this._concernsReader(alert)) {
                return;
            } else if (!this._memory.hasTold(news) && !this.pages.showsStatus()) {
                const open = () => this.pages.openTroubleshooting();
                this._notice = new AlertNotice(alert, this._memory, open);
            }
            this._memory.noteTold(news);
        }

        /** The end concerns whom the beginning was told. */
        _concernsReader(alert) {
            const expected = !alert.over || this._memory.hasTold(alert.id);
            return expected && !this._memory.isMuted(alert.kind);
        }

        /** The notice would cover what it leads to. */
        _giveWay(page) {
            if (page === "troubleshooting") {
                this._close();
            }
        }

        _close() {
            if (this._notice) {
                this._notice.close();
                this._notice = null;
            }
        }
    }

    OCTOPRINT_VIEWMODELS.push({
        construct: ObicoAlertsViewModel,
        dependencies: ["obicoSettingsViewModel", "settingsViewModel"],
        elements: []
    });
})((window.ObicoUI = window.ObicoUI || {}));
