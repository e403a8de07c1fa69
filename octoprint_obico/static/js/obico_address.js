/* The server address: checked while it is typed, and saved with OctoPrint's Save. */
(function (ui) {
    "use strict";

    const TYPING_PAUSE_MS = 300;

    /** An address as typed, and what the plugin says of its form. */
    ui.AddressCheck = class AddressCheck {
        /** onAnswer: called after each answer of the check; ask(text): asks the plugin. */
        constructor(onAnswer, ask) {
            this.text = ko.observable("");
            this.answer = ko.observable(null);
            this.pending = ko.observable(false);
            this._onAnswer = onAnswer || _.noop;
            this._request = ask || ((text) => OctoPrint.plugins.obico.checkAddress(text));
            this._asked = 0;
            this._later = _.debounce(() => this.askNow(), TYPING_PAUSE_MS);
            this.text.subscribe((text) => this._changed(text));
            this.ok = ko.pureComputed(() => !!this.answer() && this.answer().ok);
            this.wrong = ko.pureComputed(() => !!this.answer() && !this.answer().ok);
            this.message = ko.pureComputed(() => this._message());
            this.remedy = ko.pureComputed(() => (this.wrong() && this.answer().remedy) || []);
        }

        /** Ask at once instead of after the pause in typing; not at all where the answer is known. */
        askNow() {
            if (this.pending()) {
                this._ask();
            }
        }

        _changed(text) {
            this.answer(null);
            this._asked += 1;
            this.pending(!!text.trim());
            if (this.pending()) {
                this._later();
            }
        }

        _ask() {
            const text = this.text();
            const number = (this._asked += 1);
            if (!text.trim()) {
                return;
            }
            this._request(text)
                .done((answer) => this._settle(number, answer))
                .fail((xhr) => {
                    const told = {ok: false, text: ui.failureText(xhr), remedy: []};
                    this._settle(number, told);
                });
        }

        _settle(number, answer) {
            // An answer to what was typed before must not be shown beside what is typed now
            if (number === this._asked) {
                this.answer(answer);
                this.pending(false);
                this._onAnswer(answer);
            }
        }

        _message() {
            const answer = this.answer();
            if (!answer) {
                return this.pending() ? gettext("Checking…") : "";
            }
            if (!answer.ok) {
                return answer.text;
            }
            if (answer.address === this.text().trim()) {
                return gettext("This address can be used.");
            }
            return _.sprintf(gettext("It will be used as %(address)s"), answer);
        }
    };

    /** The choice between the cloud and an own server in the settings. */
    ui.ServerChoice = class ServerChoice {
        constructor(settingsViewModel) {
            this._settings = settingsViewModel;
            this._saving = false;
            this._own = "";
            this.check = new ui.AddressCheck(() => this._saveIfAsked());
            this.kind = ko.observable("cloud");
            this.stored = ko.pureComputed(() => this._setting()() || "");
            this.changed = ko.pureComputed(() => this._wanted() !== this.stored());
            this.unsaved = ko.pureComputed(() => this.changed() && !this.check.wrong());
            this.empty = ko.pureComputed(
                () => this.kind() === "own" && !this.check.text().trim()
            );
            this.kind.subscribe((kind) => this._choose(kind));
        }

        /** Show what is stored; what was typed and not saved is forgotten. */
        reset() {
            const stored = this.stored();
            const own = stored !== ui.DEFAULT_ADDRESS;
            this._own = own ? stored : "";
            this._saving = false;
            this.check.text(stored);
            this.kind(own ? "own" : "cloud");
            this.check.askNow();
        }

        /** Back to the Obico Cloud. */
        restoreDefault() {
            this.kind("cloud");
            this.check.text(ui.DEFAULT_ADDRESS);
            this.check.askNow();
        }

        /** OctoPrint's Save was pressed: hand the address over, or say why it is not saved. */
        beforeSave() {
            if (this.check.pending()) {
                this._saving = true;
                this.check.askNow();
            } else if (this.check.ok()) {
                this._setting()(this._wanted());
            } else if (this.changed()) {
                this._refuse();
            }
        }

        _setting() {
            return this._settings.settings.plugins.obico.endpoint_prefix;
        }

        _wanted() {
            const answer = this.check.answer();
            return answer && answer.ok ? answer.address : this.check.text().trim();
        }

        _choose(kind) {
            const text = this.check.text();
            if (kind === "cloud") {
                this._own = text === ui.DEFAULT_ADDRESS ? this._own : text;
                this.check.text(ui.DEFAULT_ADDRESS);
            } else if (text === ui.DEFAULT_ADDRESS) {
                this.check.text(this._own);
            }
            this.check.askNow();
        }

        /** Save was pressed before the check had answered. */
        _saveIfAsked() {
            if (!this._saving) {
                return;
            }
            this._saving = false;
            if (!this.check.ok()) {
                this._refuse();
            } else if (this.changed()) {
                this._setting()(this._wanted());
                this._settings.saveData({
                    plugins: {obico: {endpoint_prefix: this._wanted()}}
                });
            }
        }

        _refuse() {
            const answer = this.check.answer();
            const why = answer ? answer.text : gettext("It is empty.");
            const kept = _.sprintf(gettext("%(address)s stays in use."), {
                address: this.stored()
            });
            new PNotify({
                title: gettext("Server Address not saved"),
                text: _.escape(`${why} ${kept}`),
                type: "error",
                hide: false
            });
        }
    };
})((window.ObicoUI = window.ObicoUI || {}));
