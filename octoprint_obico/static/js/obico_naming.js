/* The printer's name in Obico: shown after linking, to be edited and saved. */
(function (ui) {
    "use strict";

    ui.PrinterName = class PrinterName {
        /** onNamed(name): called after the server has taken a name. */
        constructor(onNamed) {
            this._onNamed = onNamed;
            this._run = new ui.BackgroundRun({
                ask: () => OctoPrint.plugins.obico.getPrinterName(),
                onOutcome: (outcome) => this._end(outcome),
                onFailure: (text) => this._fail(text),
                endless: gettext("Saving the name does not come to an end. Try again.")
            });
            this._saved = ko.observable("");
            this.text = ko.observable("");
            this.running = this._run.running;
            this.done = ko.observable("");
            this.failure = ko.observable("");
            this.remedy = ko.observableArray([]);
            this.changed = ko.pureComputed(() => this.text().trim() !== this._saved());
            this.canSave = ko.pureComputed(() => this.changed() && !this.running());
            this.text.subscribe(() => this.done(""));
        }

        /** The name that the printer has now. */
        show(name) {
            this._saved(name);
            this.text(name);
            this._quiet();
        }

        /** Save what was typed, where it is another name. */
        save() {
            if (!this.canSave()) {
                return;
            }
            this._quiet();
            if (this.text().trim()) {
                this._run.start(() => OctoPrint.plugins.obico.namePrinter(this.text()));
            } else {
                this._fail(gettext("The name is empty: enter at least one letter or digit."));
            }
        }

        /** Enter saves; it must not press a button of OctoPrint's dialog. */
        onKey(model, event) {
            if (event.key !== "Enter") {
                return true;
            }
            this.save();
            return false;
        }

        /** The plugin announces news of the naming: ask for them. */
        onNews(topic) {
            if (topic === "name") {
                this._run.refresh();
            }
        }

        _end(outcome) {
            if (!outcome.ok) {
                this._fail(outcome.text, outcome.remedy);
                return;
            }
            this.show(outcome.name);
            this.done(gettext("The name is saved."));
            this._onNamed(outcome.name);
        }

        _fail(text, remedy) {
            this.failure(text);
            this.remedy(remedy || []);
        }

        _quiet() {
            this.done("");
            this.failure("");
            this.remedy([]);
        }
    };
})((window.ObicoUI = window.ObicoUI || {}));
