/* Linking with a 6-digit code: in the settings and in the set-up wizard. */
(function (ui) {
    "use strict";

    const LENGTH = 6;
    /** OctoPrint's own news of the stored settings may arrive a little after ours of success. */
    const SETTLING_MS = 5000;

    ui.LinkPanel = class LinkPanel {
        /**
         * options: root is the selector of the page that holds the panel; address() gives the
         * stored server address; mayAccept() tells whether this user may accept a certificate;
         * onLinked() is called after success; toTest(), or null, leads to the TEST button;
         * cancel(), or null, leaves the panel.
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
            this.digits = _.range(LENGTH).map((index) => this._digit(index));
            this.running = this._run.running;
            this.message = ko.observable("");
            this.remedy = ko.observableArray([]);
            this.printer = ko.observable(null);
            this.server = new ui.AddressCheck();
            this.editing = ko.observable(false);
            this.offer = new ui.CertificateOffer({
                root: `${options.root} .obico-linking`,
                mayAccept: options.mayAccept,
                onAccepted: () => this.submit()
            });
            this.toTest = options.toTest;
            this.cancel = options.cancel;
            this.code = ko.pureComputed(() => this.digits.map((each) => each.value()).join(""));
            this.complete = ko.pureComputed(() => this.code().length === LENGTH);
            this.canSubmit = ko.pureComputed(() => this.complete() && !this.running());
            this.shownServer = ko.pureComputed(() => this._shownServer());
        }

        /** Start afresh: empty boxes, the stored address. */
        open() {
            this.digits.forEach((each) => each.value(""));
            this.message("");
            this.remedy([]);
            this.offer.offer(null);
            this.printer(null);
            this.editing(false);
            this.server.text(this._options.address() || ui.DEFAULT_ADDRESS);
            this.server.askNow();
        }

        /** Put the cursor into a box, its digit selected. */
        focus(index) {
            const at = Math.max(0, Math.min(index, LENGTH - 1));
            const boxes = document.querySelectorAll(`${this._options.root} .obico-code input`);
            if (boxes[at]) {
                boxes[at].focus();
                boxes[at].select();
            }
        }

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

        editServer() {
            this.editing(true);
        }

        submit() {
            if (!this.canSubmit()) {
                return;
            }
            this.message("");
            this.remedy([]);
            this.offer.offer(null);
            this._newsDue = true;
            this._run.start(() =>
                OctoPrint.plugins.obico.startLink(this.code(), this.server.text().trim())
            );
        }

        /** The plugin announces news of linking or of accepting a certificate: ask for them. */
        onNews(topic) {
            if (topic === "link") {
                this._run.refresh();
            } else {
                this.offer.onNews(topic);
            }
        }

        _end(outcome) {
            if (outcome.ok) {
                this._linkedAt = Date.now();
                this.printer(outcome.printer);
                this._options.onLinked();
            } else {
                this._fail(outcome.text, outcome.remedy);
                this.offer.offer(outcome.certificate, outcome.server);
            }
        }

        _fail(text, remedy) {
            this._newsDue = false;
            this.message(text);
            this.remedy(remedy || []);
            this.focus(0);
        }

        _shownServer() {
            const answer = this.server.answer();
            return answer && answer.ok ? answer.address : this.server.text();
        }

        _digit(index) {
            return {
                label: _.sprintf(gettext("Digit %(number)d of %(count)d"), {
                    number: index + 1,
                    count: LENGTH
                }),
                value: ko.observable(""),
                onInput: (box, event) => this._onInput(index, event),
                onPaste: (box, event) => this._onPaste(index, event),
                onKey: (box, event) => this._onKey(index, event),
                onFocus: (box, event) => event.target.select()
            };
        }

        _onInput(index, event) {
            const data = event.originalEvent && event.originalEvent.data;
            // A single key replaces the box's digit, wherever the cursor stands in it
            const typed = data && data.length === 1 ? data : event.target.value;
            const found = typed.replace(/\D/g, "");
            const emptied = !event.target.value;
            // Before the focus moves on, so that the box never holds anything but its digit
            event.target.value = this.digits[index].value();
            if (found || emptied) {
                this._fill(index, found);
            }
        }

        _onPaste(index, event) {
            const clipboard = event.originalEvent.clipboardData || window.clipboardData;
            const found = clipboard.getData("text").replace(/\D/g, "");
            if (found) {
                this._fill(found.length >= LENGTH ? 0 : index, found);
            }
            return false;
        }

        /** Put digits into the boxes from `index` on; the one that completes the code submits it. */
        _fill(index, found) {
            if (this.running()) {
                return;
            }
            if (!found) {
                this.digits[index].value("");
                return;
            }
            const room = found.slice(0, LENGTH - index);
            const before = this.complete();
            room.split("").forEach((digit, at) => this.digits[index + at].value(digit));
            const end = index + room.length;
            this.focus(end);
            if (this.complete() && (!before || end === LENGTH)) {
                this.submit();
            }
        }

        _onKey(index, event) {
            if (event.key === "Backspace" && !event.target.value && index > 0) {
                this.digits[index - 1].value("");
                this.focus(index - 1);
                return false;
            }
            const steps = {ArrowLeft: -1, ArrowRight: 1};
            if (steps[event.key]) {
                this.focus(index + steps[event.key]);
                return false;
            }
            if (event.key === "Enter") {
                this.submit();
                return false;
            }
            return true;
        }
    };
})((window.ObicoUI = window.ObicoUI || {}));
