/* What the parts of the pages share: words for codes, times, failures, and files. */
(function (ui) {
    "use strict";

    ui.DEFAULT_ADDRESS = "https://app.obico.io";

    const POLL_MS = 1000;
    /** The plugin gives up after 12 s; what takes longer is OctoPrint's own silence. */
    const PATIENCE_MS = 25000;

    /** A short text for a failed request to OctoPrint itself. */
    ui.failureText = function (xhr) {
        if (!xhr.status) {
            return gettext("OctoPrint does not answer.");
        }
        if (xhr.status === 403) {
            return gettext("Your user has no permission for this, or is not logged in any more.");
        }
        const told = xhr.responseJSON && xhr.responseJSON.error;
        return told || _.sprintf(gettext("OctoPrint answered with error %(status)d."), xhr);
    };

    /** The codes of a connection's state as icon, tone and word. */
    ui.stateLook = function (state) {
        const looks = {
            okay: ["fa-check-circle", "text-success", gettext("Okay")],
            disconnected: ["fa-times-circle", "text-error", gettext("Disconnected")],
            error: ["fa-exclamation-triangle", "text-warning", gettext("Error")],
            not_linked: ["fa-unlink", "muted", gettext("Not linked")],
            unknown: ["fa-question-circle", "muted", gettext("Not known yet")],
            not_configured: ["fa-minus-circle", "muted", gettext("Not set up")]
        };
        return look(looks[state] || looks.unknown);
    };

    /** The codes of a channel's state as icon, tone and word. */
    ui.channelLook = function (state) {
        const up = ["fa-check", "text-success", gettext("connected")];
        const down = ["fa-times", "text-error", gettext("fails")];
        const looks = {
            okay: up,
            connected: up,
            failing: down,
            offline: down,
            waiting: down,
            connecting: ["fa-ellipsis-h", "muted", gettext("connecting")],
            stopped: ["fa-minus", "muted", gettext("stopped")]
        };
        return look(looks[state] || ["fa-minus", "muted", gettext("not tried yet")]);
    };

    /** How a check ended as icon, tone and word. */
    ui.outcomeLook = function (outcome) {
        const looks = {
            passed: ["fa-check", "text-success", gettext("passed")],
            warned: ["fa-exclamation-triangle", "text-warning", gettext("warning")],
            failed: ["fa-times", "text-error", gettext("failed")],
            skipped: ["fa-minus", "muted", gettext("skipped")]
        };
        return look(looks[outcome] || looks.skipped);
    };

    /** The verdict of a test as icon and tone. */
    ui.verdictLook = function (verdict) {
        const failed = ["fa-times-circle", "text-error", gettext("failed")];
        const looks = {
            succeeded: ["fa-check-circle", "text-success", gettext("passed")],
            websocket_failed: ["fa-exclamation-triangle", "text-warning", gettext("warning")]
        };
        return look(looks[verdict] || failed);
    };

    function look(parts) {
        return {icon: `fas ${parts[0]} ${parts[1]}`, tone: parts[1], word: parts[2]};
    }

    /** A moment in the reader's time zone, to the second: for hovering and for exports. */
    ui.absolute = function (iso) {
        return iso ? moment(iso).format("YYYY-MM-DD HH:mm:ss [(UTC]Z[)]") : "";
    };

    /** The time of day; with the date where it is not today. now: milliseconds. */
    ui.clock = function (iso, now) {
        const then = moment(iso);
        return then.isSame(moment(now), "day") ? then.format("HH:mm") : then.format("MMM D, HH:mm");
    };

    /** How long ago, e.g. "3 minutes"; never in the future. now: milliseconds. */
    ui.span = function (iso, now) {
        return moment.duration(Math.max(0, now - Date.parse(iso))).humanize();
    };

    /** Milliseconds as a person reads them. */
    ui.duration = function (milliseconds) {
        if (milliseconds < 1000) {
            return `${milliseconds} ms`;
        }
        return `${(milliseconds / 1000).toFixed(1)} s`;
    };

    /** Copy a text; gives a promise. `host` is an element within the dialog that has the focus. */
    ui.copy = function (text, host) {
        if (navigator.clipboard && window.isSecureContext) {
            return navigator.clipboard.writeText(text);
        }
        // Pages served without https have no clipboard object: the old way, inside the dialog,
        // which would take the focus back from an element outside of it
        const area = document.createElement("textarea");
        const before = document.activeElement;
        area.value = text;
        area.className = "obico-offscreen";
        host.appendChild(area);
        area.select();
        const copied = document.execCommand("copy");
        area.remove();
        if (before) {
            before.focus();
        }
        return copied ? Promise.resolve() : Promise.reject(new Error("copy"));
    };

    /** Hand a value to the user as a JSON file. */
    ui.saveJson = function (value, name) {
        const blob = new Blob([JSON.stringify(value, null, 2)], {type: "application/json"});
        const link = document.createElement("a");
        link.href = URL.createObjectURL(blob);
        link.download = name;
        document.body.appendChild(link);
        link.click();
        link.remove();
        setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    };

    /** Work that the plugin does in the background: started by a request, asked for until it ends. */
    ui.BackgroundRun = class BackgroundRun {
        /**
         * options: ask() requests the state of the work; onOutcome(outcome) is called when it has
         * ended, onFailure(text) where that is not to be learned; endless is the text for work
         * that does not come to an end.
         */
        constructor(options) {
            this._options = options;
            this._id = null;
            this._timer = null;
            this._since = 0;
            this.running = ko.observable(false);
        }

        /** request() starts the work, and is answered with the run's id. */
        start(request) {
            this.running(true);
            this._since = Date.now();
            request()
                .done((answer) => {
                    this._id = answer.run;
                    this.refresh();
                })
                .fail((xhr) => this._fail(ui.failureText(xhr)));
        }

        /** Ask how it goes; called by the timer and when the plugin announces news. */
        refresh() {
            if (!this.running() || !this._id) {
                return;
            }
            clearTimeout(this._timer);
            this._timer = setTimeout(() => this.refresh(), POLL_MS);
            this._options
                .ask()
                .done((answer) => this._apply(answer))
                .fail((xhr) => this._giveUpLate(ui.failureText(xhr)));
        }

        _apply(answer) {
            if (!this.running() || answer.run !== this._id || answer.state !== "finished") {
                this._giveUpLate(this._options.endless);
            } else {
                this._stop();
                this._options.onOutcome(answer.outcome);
            }
        }

        _giveUpLate(text) {
            if (this.running() && Date.now() - this._since > PATIENCE_MS) {
                this._fail(text);
            }
        }

        _fail(text) {
            this._stop();
            this._options.onFailure(text);
        }

        _stop() {
            clearTimeout(this._timer);
            this._id = null;
            this.running(false);
        }
    };

    /** A function that runs one request at a time; asked meanwhile, it runs once more. */
    ui.coalesced = function (request) {
        let active = false;
        let again = false;
        const run = function () {
            if (active) {
                again = true;
                return;
            }
            active = true;
            request().always(() => {
                active = false;
                if (again) {
                    again = false;
                    run();
                }
            });
        };
        return run;
    };
})((window.ObicoUI = window.ObicoUI || {}));
