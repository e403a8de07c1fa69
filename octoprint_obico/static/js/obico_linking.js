/* Linking with a 6-digit code, step by step: in the settings and in the set-up wizard. */
(function (ui) {
    "use strict";

    /** OctoPrint's own news of the stored settings may arrive a little after ours of success. */
    const SETTLING_MS = 5000;
    /** How often the plugin is asked whether something else has linked it meanwhile. */
    const LOOK_MS = 4000;

    ui.LinkPanel = class LinkPanel {
        /**
         * options: root is the selector of the page that holds the panel; first is the step that it
         * begins with, "welcome" or "app"; address() gives the stored server address; mayAccept()
         * tells whether this user may accept a certificate; onLinked() is called after success,
         * onNamed() after the printer got another name; toTest(), or null, leads to the TEST
         * button; cancel(), or null, leaves the panel.
         */
        constructor(options) {
            this._options = options;
            this._run = new ui.BackgroundRun({
                ask: () => OctoPrint.plugins.obico.getLink(),
                onOutcome: (outcome) => this._end(outcome),
                onFailure: (text) => this._fail(text),
                endless: gettext("Linking does not come to an end. Try again.")
            });
            this._linkedAt = 0;
            this._newsDue = false;
            this._timer = null;
            this.step = ko.observable(options.first);
            this.app = ko.observable(null);
            this.current = ko.observable(null);
            this.discoverable = ko.observable(false);
            this.running = this._run.running;
            this.message = ko.observable("");
            this.remedy = ko.observableArray([]);
            this.printer = ko.observable(null);
            this.naming = new ui.PrinterName((name) => this._onNamed(name));
            this.howId = `${options.root.slice(1)}-how`;
            this.nameId = `${options.root.slice(1)}-name`;
            this.toTest = options.toTest;
            this.cancel = options.cancel;
            this._makeParts();
        }

        _makeParts() {
            this.boxes = new ui.CodeBoxes({
                root: this._options.root,
                locked: () => this.running(),
                onComplete: () => this.submit(),
                onEnter: () => this.submit()
            });
            this.server = new ui.AddressCheck();
            this.editing = ko.observable(false);
            this.offer = new ui.CertificateOffer({
                root: `${this._options.root} .obico-linking`,
                mayAccept: this._options.mayAccept,
                onAccepted: () => this.submit()
            });
            this.canSubmit = ko.pureComputed(() => this.boxes.complete() && !this.running());
            this.shownServer = ko.pureComputed(() => this._shownServer());
            this.ownServer = ko.observable("");
        }

        /** Start afresh: the first step, empty boxes, the stored address. */
        open() {
            const stored = this._options.address() || ui.DEFAULT_ADDRESS;
            this.ownServer(stored === ui.DEFAULT_ADDRESS ? "" : stored);
            this.boxes.clear();
            this._forget();
            this.printer(null);
            this.current(null);
            this.app(null);
            this.step(this._options.first);
            this.shown();
        }

        /** The panel has come into sight: look whether something else links this OctoPrint. */
        shown() {
            clearInterval(this._timer);
            this._timer = setInterval(() => this._lookAgain(), LOOK_MS);
            this._look(true);
        }

        // ---- from step to step

        toApps() {
            if (this.app() === "own") {
                this.ownServer(this.server.text().trim());
            }
            this._forget();
            this._go("app");
        }

        /** Take the way of one of the apps: "phone", "web" or "own". */
        choose(app) {
            const address = app === "own" ? this.ownServer() : ui.DEFAULT_ADDRESS;
            this._forget();
            this.app(app);
            this.server.text(address);
            this.server.askNow();
            this.editing(!address);
            this._go("code");
        }

        /** Another server than the one that is shown. */
        editServer() {
            if (this.app() !== "own") {
                this.choose("own");
            }
            this.editing(true);
            this._element(".obico-link-address").focus();
        }

        /** Put the cursor where the step that is shown begins. */
        focus() {
            if (this.step() === "code" && !this.editing()) {
                this.boxes.focus(0);
                return;
            }
            const begins = this.step() === "code" ? ".obico-link-address" : ".obico-step-title";
            const found = this._element(`[data-step=${this.step()}] ${begins}`);
            if (found) {
                found.focus();
            }
        }

        _go(step) {
            this.step(step);
            this.focus();
        }

        /** In a low window it may be out of sight, and the boxes above it say nothing. */
        _scrollTo(selector) {
            this._element(selector).scrollIntoView({block: "nearest"});
        }

        _element(selector) {
            return document.querySelector(`${this._options.root} .obico-linking ${selector}`);
        }

        // ---- linking

        /**
         * Whether OctoPrint's news of changed settings is that of this panel's own linking. Asked
         * once for each news, because what others change must not be passed over.
         */
        takesNews() {
            const settling = Date.now() - this._linkedAt < SETTLING_MS;
            const own = this._newsDue && (this.running() || settling);
            this._newsDue = this._newsDue && !own;
            return own;
        }

        submit() {
            if (!this.canSubmit()) {
                return;
            }
            this._forget();
            const server = this.server.text().trim();
            if (!server) {
                this.message(gettext("Enter the address of your Obico Server as well."));
                this.editServer();
                this._scrollTo(".obico-link-message");
                return;
            }
            this._newsDue = true;
            this._run.start(() =>
                OctoPrint.plugins.obico.startLink(this.boxes.code(), server)
            );
            this._scrollTo(".obico-link-running");
        }

        /** Enter in the field of the address: on to the code, or try it. */
        onAddressKey(model, event) {
            if (event.key !== "Enter") {
                return true;
            }
            if (this.canSubmit()) {
                this.submit();
            } else {
                this.boxes.focus(this.boxes.code().length);
            }
            return false;
        }

        /** The plugin announces news of linking, of naming or of accepting a certificate. */
        onNews(topic) {
            if (topic === "link") {
                this._run.refresh();
                this._lookAgain();
            } else {
                this.naming.onNews(topic);
                this.offer.onNews(topic);
            }
        }

        _end(outcome) {
            if (outcome.ok) {
                this._succeed(outcome.printer);
            } else {
                this._fail(outcome.text, outcome.remedy);
                this.offer.offer(outcome.certificate, outcome.server);
            }
        }

        _succeed(printer) {
            clearInterval(this._timer);
            this._linkedAt = Date.now();
            this.printer(printer);
            this.naming.show(printer.name);
            this._go("done");
            this._options.onLinked();
        }

        _fail(text, remedy) {
            this._newsDue = false;
            this.message(text);
            this.remedy(remedy || []);
            this.boxes.focus(0);
            this._scrollTo(".obico-link-message");
        }

        _forget() {
            this.message("");
            this.remedy([]);
            this.offer.offer(null);
        }

        _onNamed(name) {
            this.printer(Object.assign({}, this.printer(), {name}));
            this._options.onNamed();
        }

        _shownServer() {
            const answer = this.server.answer();
            return answer && answer.ok ? answer.address : this.server.text();
        }

        // ---- what else may link this OctoPrint: the app that has found it on the network

        _lookAgain() {
            const panel = document.querySelector(`${this._options.root} .obico-linking`);
            if (!panel || panel.offsetParent === null) {
                clearInterval(this._timer);
            } else if (!document.hidden && !this.running()) {
                this._look(false);
            }
        }

        _look(first) {
            OctoPrint.plugins.obico.getLink().done((answer) => {
                const discovery = answer.discovery || {};
                const linked = answer.linked;
                this.discoverable(discovery.running === true && !linked);
                if (first) {
                    this.current(linked);
                } else if (linked && !this.current() && !this.running() && !this.printer()) {
                    this._succeed(linked);
                }
            });
        }
    };
})((window.ObicoUI = window.ObicoUI || {}));
