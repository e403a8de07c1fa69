/* The pages as OctoPrint knows them: the settings dialog's entry and the set-up wizard's page. */
(function (ui) {
    "use strict";

    const SETTINGS = "#settings_plugin_obico";
    const WIZARD = "#wizard_plugin_obico";
    const STATUS_POLL_MS = 3000;

    /** The stored server address; "" where this user must not see it. */
    function storedAddress(settingsViewModel) {
        const settings = settingsViewModel.settings;
        return (settings && settings.plugins.obico.endpoint_prefix()) || "";
    }

    function mayChangeSettings(loginState, access) {
        return loginState.hasPermission(access.permissions.SETTINGS);
    }

    class ObicoSettingsViewModel {
        constructor(parameters) {
            [this.loginState, this.access, this.settingsViewModel] = parameters;
            this._timer = null;
            this.page = ko.observable("choice");
            this.status = new ui.StatusColumn();
            this.test = new ui.ConnectionTest(SETTINGS, () => this.status.refresh());
            this.choice = new ui.ServerChoice(this.settingsViewModel);
            this.notices = new ui.AlertSettings(this.settingsViewModel);
            this.mayAccept = ko.pureComputed(() => mayChangeSettings(this.loginState, this.access));
            this.trust = new ui.TrustSettings(this.settingsViewModel, this.mayAccept);
            this.offer = new ui.CertificateOffer({
                root: `${SETTINGS} #obico-panel-troubleshooting`,
                mayAccept: this.mayAccept,
                onAccepted: () => this._onAccepted()
            });
            this.test.result.subscribe((result) => this.offer.offerResult(result));
            this.link = new ui.LinkPanel({
                root: SETTINGS,
                first: "app",
                address: () => storedAddress(this.settingsViewModel),
                mayAccept: this.mayAccept,
                onLinked: () => this._onLinked(),
                onNamed: () => this.status.refresh(),
                toTest: () => this.toTest(),
                cancel: () => this.show(this._before || "choice")
            });
            // OctoPrint looks for it on the object itself. Without it OctoPrint would ask the user
            // what to do about the settings that linking has stored; _onLinked fetches them
            this.onSettingsPreventRefresh = () => this.link.takesNews();
            this.mayLink = ko.pureComputed(() => this._may("LINK"));
            this.mayTroubleshoot = ko.pureComputed(() => this._may("TROUBLESHOOT"));
            this.linkOffered = ko.pureComputed(() => this.mayLink() && this.status.unlinked());
            this.tabsShown = ko.pureComputed(
                () => ["settings", "troubleshooting"].indexOf(this.page()) >= 0
            );
        }

        // ---- going from page to page

        toSettings() {
            this.show("settings");
        }

        toTroubleshooting() {
            this.show("troubleshooting");
        }

        /** Open the dialog there. Who may not goes to the report: true lets a link do so. */
        openTroubleshooting() {
            if (!mayChangeSettings(this.loginState, this.access)) {
                return true;
            }
            this._opensAt = "troubleshooting";
            this.settingsViewModel.show(SETTINGS);
            this._opensAt = null;
            return false;
        }

        toLink() {
            this._before = this.page();
            this.link.open();
            this.show("link");
            this.link.focus();
        }

        /** Show the TEST button, ready to be pressed. */
        toTest() {
            this.show("troubleshooting");
            const button = document.querySelector(`${SETTINGS} .obico-test`);
            if (button) {
                button.focus();
            }
        }

        /** Go where the last test's cause can be mended. */
        toRemedy() {
            if (this.test.page() === "link") {
                this.toLink();
            } else {
                this.show("settings");
            }
        }

        show(page) {
            this.page(page);
            this._look();
        }

        /** The arrow keys change between the two tabs, as in any list of tabs. */
        onTabKey(model, event) {
            if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") {
                return true;
            }
            this.show(this.page() === "settings" ? "troubleshooting" : "settings");
            document.querySelector(`${SETTINGS} .obico-tabs .active a`).focus();
            return false;
        }

        // ---- what OctoPrint tells

        onAllBound() {
            const entry = document.querySelector(`${SETTINGS}_link a`);
            $(entry).on("shown", () => this._look());
            document.addEventListener("visibilitychange", () => this._look());
        }

        onSettingsShown() {
            this.page(this._opensAt || "choice");
            this.choice.reset();
            this.trust.reset();
            this.notices.reset();
            clearInterval(this._timer);
            this._timer = setInterval(() => this._poll(), STATUS_POLL_MS);
            this._look();
        }

        onSettingsHidden() {
            clearInterval(this._timer);
            this._timer = null;
            this.page("choice");
        }

        onSettingsBeforeSave() {
            if (this._timer !== null) {
                this.choice.beforeSave();
                this.trust.beforeSave();
                this.notices.beforeSave();
            }
        }

        onEventSettingsUpdated() {
            this._look();
        }

        onDataUpdaterReconnect() {
            this._look();
        }

        onDataUpdaterPluginMessage(plugin, message) {
            if (plugin !== "obico") {
                return;
            }
            this.link.onNews(message.topic);
            this.offer.onNews(message.topic);
            if (message.topic === "diagnosis" && this._watches("troubleshooting")) {
                this.test.refresh();
            } else if (message.topic === "status" && this._visible()) {
                this.status.refresh();
            } else if (message.topic === "status") {
                this.status.peek();
            }
        }

        // ---- looking

        _may(key) {
            const permission = this.access.permissions[`PLUGIN_OBICO_${key}`];
            return this.loginState.hasPermission(permission);
        }

        /** Whether the user has the Plugin Status before him just now. */
        showsStatus() {
            return this._watches("troubleshooting");
        }

        _visible() {
            const pane = document.querySelector(SETTINGS);
            return this._timer !== null && !document.hidden && pane.offsetParent !== null;
        }

        _watches(page) {
            return this._visible() && this.page() === page;
        }

        /** Fetch what the page that has just come into sight shows. */
        _look() {
            if (!this.mayTroubleshoot()) {
                return;
            }
            // The pane becomes visible only after the event that tells of it
            setTimeout(() => {
                if (this._visible()) {
                    this.status.refresh();
                }
                if (this._watches("troubleshooting")) {
                    this.test.refresh();
                }
            }, 0);
        }

        _poll() {
            if (this.mayTroubleshoot() && this._watches("troubleshooting")) {
                this.status.refresh();
                this.test.now(Date.now());
            }
        }

        /** The test again, now with the accepted certificate. */
        _onAccepted() {
            this.trust.refresh();
            this.test.start();
        }

        _onLinked() {
            this.trust.refresh();
            this.status.refresh();
            // The plugin has stored the address; what is unsaved elsewhere in the dialog is kept
            this.settingsViewModel.requestData(true).done(() => this.choice.reset());
        }
    }

    /** Whether that is our page; OctoPrint names the first page otherwise than those that follow. */
    function isOurs(page) {
        return page === WIZARD || page === `${WIZARD.slice(1)}_link`;
    }

    class ObicoWizardViewModel {
        constructor(parameters) {
            [this.settingsViewModel, this.loginState, this.access] = parameters;
            this.link = new ui.LinkPanel({
                root: WIZARD,
                first: "welcome",
                address: () => storedAddress(this.settingsViewModel),
                mayAccept: () => mayChangeSettings(this.loginState, this.access),
                onLinked: () => this.settingsViewModel.requestData(true),
                onNamed: _.noop,
                toTest: null,
                cancel: null
            });
            // OctoPrint calls these two without their object
            this.onBeforeWizardTabChange = (next, current) => {
                if (isOurs(current)) {
                    this._saveName();
                }
            };
            this.onBeforeWizardFinish = () => this._saveName();
        }

        /**
         * Not before this page is reached is the stored address known: in a first run nobody is
         * logged in until the wizard's page for access control.
         */
        onAfterWizardTabChange(current) {
            if (!isOurs(current)) {
                return;
            }
            if (this.link.step() === "welcome") {
                this.link.open();
            } else if (!this.link.printer()) {
                this.link.shown();
            }
            // The page becomes visible only after the event that tells of it
            setTimeout(() => this.link.focus(), 0);
        }

        /** A name that was typed counts, also where OctoPrint's Next or Finish is pressed. */
        _saveName() {
            if (this.link.printer()) {
                this.link.naming.save();
            }
        }

        onDataUpdaterPluginMessage(plugin, message) {
            if (plugin === "obico") {
                this.link.onNews(message.topic);
            }
        }
    }

    OCTOPRINT_VIEWMODELS.push({
        construct: ObicoSettingsViewModel,
        dependencies: ["loginStateViewModel", "accessViewModel", "settingsViewModel"],
        elements: [SETTINGS]
    });
    OCTOPRINT_VIEWMODELS.push({
        construct: ObicoWizardViewModel,
        dependencies: ["settingsViewModel", "loginStateViewModel", "accessViewModel"],
        elements: [WIZARD]
    });
})((window.ObicoUI = window.ObicoUI || {}));
