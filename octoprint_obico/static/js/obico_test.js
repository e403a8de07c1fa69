/* The TEST button: starts the diagnosis, shows its checks as they finish, then its verdict. */
(function (ui) {
    "use strict";

    const POLL_MS = 1000;
    /** The plugin ends a diagnosis after 15 s; what takes longer is OctoPrint's own silence. */
    const PATIENCE_MS = 25000;

    /** The checks in the order of their layers (PLAN in engine.py, which a test compares), and what is said while one of them is being tried. */
    const layers = () => [
        ["address", gettext("Reading the server address…")],
        ["network", gettext("Looking at this computer's network…")],
        ["wifi", gettext("Measuring the Wi-Fi signal…")],
        ["power", gettext("Looking at the power supply…")],
        ["gateway", gettext("Asking the router…")],
        ["dns", gettext("Looking up the server's name…")],
        ["connect", gettext("Connecting to the server…")],
        ["ipv6", gettext("Trying IPv6…")],
        ["loss", gettext("Counting lost packets…")],
        ["latency", gettext("Measuring the round trip…")],
        ["size", gettext("Sending a large packet…")],
        ["tls", gettext("Checking the encryption (TLS)…")],
        ["http", gettext("Asking the server's API…")],
        ["clock", gettext("Comparing the clocks…")],
        ["credentials", gettext("Checking whether the printer is known…")],
        ["websocket", gettext("Trying the WebSocket…")],
        ["webcam", gettext("Taking a picture with each webcam…")]
    ];

    /** Causes with a remedy on these pages: which page. */
    const REMEDY_PAGES = {
        not_linked: "link",
        credentials_invalid: "link",
        credentials_shared: "link",
        address_missing: "settings",
        address_malformed: "settings",
        address_retired: "settings",
        address_redirected: "settings",
        address_path_wrong: "settings",
        https_required: "settings",
        tls_not_spoken: "settings",
        dns_name_not_found: "settings",
        not_an_obico_server: "settings",
        not_http: "settings"
    };

    ui.ConnectionTest = class ConnectionTest {
        /** root: selector of the page; onDone: called when a test that was watched has ended. */
        constructor(root, onDone) {
            this._root = root;
            this._onDone = onDone;
            this._timer = null;
            this._asked = false;
            this._since = 0;
            this.running = ko.observable(false);
            this.failure = ko.observable("");
            this._presses = 0;
            this.result = ko.observable(null);
            this.checks = ko.observableArray([]);
            this.unfolded = ko.observable(false);
            this.notice = ko.observable("");
            this.now = ko.observable(Date.now());
            this.refresh = ui.coalesced(() => this._fetch());
            this.verdict = ko.pureComputed(() => this._verdict());
            this.explanation = ko.pureComputed(() => this._explanation());
            this.remedy = ko.pureComputed(() => (this.result() ? this.result().remedy : []));
            this.asides = ko.pureComputed(() => this._asides());
            this.page = ko.pureComputed(() => this._page());
            this.moreUrl = ko.pureComputed(() => this._moreUrl((this.result() || {}).cause));
            this.age = ko.pureComputed(() => this._age());
            this.ageTitle = ko.pureComputed(() => ui.absolute((this.result() || {}).started_at));
            this.summary = ko.pureComputed(() => this._summary());
            this.tableShown = ko.pureComputed(() => this.running() || this.unfolded());
        }

        /** TEST was pressed. */
        start() {
            if (this.running()) {
                return;
            }
            this._begin();
            this._asked = true;
            this._presses += 1;
            OctoPrint.plugins.obico
                .startDiagnosis()
                .done(() => {
                    this._presses += 1;
                    this.refresh();
                })
                .fail((xhr) => this._end(ui.failureText(xhr)));
        }

        toggle() {
            this.unfolded(!this.unfolded());
        }

        /** Copy the result as text. */
        copy() {
            const host = document.querySelector(this._root);
            ui.copy(ui.resultText(this.result()), host).then(
                () => this.notice(gettext("Copied.")),
                () => this.notice(gettext("The browser does not let it be copied."))
            );
        }

        /** Save the result as a file. */
        save() {
            const time = moment(this.result().started_at).format("YYYYMMDD-HHmmss");
            ui.saveJson(this.result(), `obico-test-${time}.json`);
        }

        _begin() {
            this.running(true);
            this._since = Date.now();
            this.failure("");
            this.notice("");
            this.result(null);
            this.checks([]);
        }

        _fetch() {
            const presses = this._presses;
            return OctoPrint.plugins.obico
                .getDiagnosis()
                .done((answer) => {
                    // what was asked before TEST was pressed tells of the last run
                    if (presses === this._presses) {
                        this._apply(answer);
                    }
                })
                .fail((xhr) => this._unanswered(xhr));
        }

        _apply(answer) {
            if (answer.state === "running") {
                if (!this.running()) {
                    this._begin();
                }
                this._show(answer.checks);
                this._again();
                return;
            }
            this.now(Date.now());
            if (answer.state === "none") {
                this._end("");
                return;
            }
            this._take(answer);
        }

        _take(answer) {
            const old = this.result();
            if (!answer.result) {
                this._end(gettext("The test broke off. OctoPrint's log tells why."));
            } else if (!old || old.started_at !== answer.result.started_at) {
                this.result(answer.result);
                this._show(answer.result.checks);
                this._end("");
            }
        }

        /** Ask again a little later, in case no news arrives. */
        _again() {
            clearTimeout(this._timer);
            if (Date.now() - this._since > PATIENCE_MS) {
                this._end(gettext("The test does not come to an end. Press TEST to try again."));
            } else {
                this._timer = setTimeout(() => this.refresh(), POLL_MS);
            }
        }

        _unanswered(xhr) {
            if (this.running()) {
                this._end(ui.failureText(xhr));
            }
        }

        _end(failure) {
            clearTimeout(this._timer);
            const watched = this.running();
            this.running(false);
            this.failure(failure);
            if (watched) {
                this.unfolded(false);
                this._onDone();
            }
            if (this._asked) {
                this._asked = false;
                this._showVerdict();
            }
        }

        /** Move the focus to the verdict, unless the reader has gone elsewhere meanwhile. */
        _showVerdict() {
            const active = document.activeElement;
            const button = document.querySelector(`${this._root} .obico-test`);
            const verdict = document.querySelector(`${this._root} .obico-verdict`);
            if (verdict && (!active || active === button || active === document.body)) {
                verdict.focus();
            }
        }

        _show(checks) {
            const order = layers().map((layer) => layer[0]);
            const rank = (check) => {
                const at = order.indexOf(check.id);
                return at < 0 ? order.length : at;
            };
            const rows = checks.map((check) =>
                Object.assign(ui.outcomeLook(check.outcome), {
                    title: check.subject ? `${check.title} (${check.subject})` : check.title,
                    summary: check.summary,
                    time: check.outcome === "skipped" ? "" : ui.duration(check.duration_ms),
                    rank: rank(check)
                })
            );
            this.checks(_.sortBy(rows, "rank"));
        }

        _verdict() {
            if (this.running()) {
                return {icon: "fas fa-spinner fa-spin", tone: "", word: "", text: this._trying()};
            }
            if (this.failure()) {
                return Object.assign(ui.verdictLook("failed"), {text: this.failure()});
            }
            const result = this.result();
            if (!result) {
                return {icon: "", tone: "", word: "", text: ""};
            }
            return Object.assign(ui.verdictLook(result.verdict), {text: result.headline});
        }

        _trying() {
            const done = this.checks().map((row) => row.rank);
            const next = layers().find((layer, rank) => done.indexOf(rank) < 0);
            return next ? next[1] : gettext("Finishing…");
        }

        _explanation() {
            const idle = !this.running() && !this.failure() && !this.result();
            if (idle) {
                return gettext("TEST finds out whether the Obico Server is reached, and why not.");
            }
            if (this.failure()) {
                return gettext("So this is no result. Press TEST to try again.");
            }
            return this.result() ? this.result().explanation : "";
        }

        /** What the test found beside the verdict: warnings, and webcams with a cause. */
        _asides() {
            const result = this.result();
            if (!result) {
                return [];
            }
            const webcams = result.webcams.filter((webcam) => webcam.cause);
            const named = (webcam) => _.sprintf(gettext("Webcam “%(name)s”"), webcam);
            return result.warnings
                .map((warning) => Object.assign({name: gettext("Warning")}, warning))
                .concat(webcams.map((each) => Object.assign({}, each, {name: named(each)})))
                .map((each) => Object.assign({title: ""}, each))
                .map((each) => Object.assign({moreUrl: this._moreUrl(each.cause)}, each));
        }

        /** The cause's entry in the plugin's own page of causes, which needs no Internet. */
        _moreUrl(cause) {
            return cause ? `${OctoPrint.plugins.obico.url("causes")}#${cause}` : null;
        }

        _page() {
            const result = this.result();
            return (result && REMEDY_PAGES[result.cause]) || "";
        }

        _age() {
            const result = this.result();
            if (!result) {
                return "";
            }
            const ended = Date.parse(result.started_at) + result.duration_ms;
            return _.sprintf(gettext("Tested %(span)s ago: %(server)s"), {
                span: moment.duration(Math.max(0, this.now() - ended)).humanize(),
                server: result.server
            });
        }

        _summary() {
            const result = this.result();
            const count = this.checks().length;
            const checks = _.sprintf(ngettext("%(count)d check", "%(count)d checks", count), {
                count
            });
            return result ? `${checks}, ${ui.duration(result.duration_ms)}` : checks;
        }
    };

    /** A result as text, for mails and forums. */
    ui.resultText = function (result) {
        const steps = (remedy) => remedy.map((step, at) => `  ${at + 1}. ${step}`);
        const lines = [
            `${result.headline}${result.cause ? ` (${result.cause})` : ""}`,
            result.explanation,
            ...steps(result.remedy),
            ""
        ];
        result.warnings
            .concat(result.webcams.filter((webcam) => webcam.cause))
            .forEach((each) => {
                lines.push(`${each.name || each.title} (${each.cause}): ${each.explanation}`);
                lines.push(...steps(each.remedy), "");
            });
        result.checks.forEach((check) => {
            const name = check.subject ? `${check.title} (${check.subject})` : check.title;
            const outcome = ui.outcomeLook(check.outcome).word;
            lines.push(`${outcome}  ${name}: ${check.summary}  [${check.duration_ms} ms]`);
        });
        lines.push("", `${gettext("Server")}: ${result.server}`);
        lines.push(`${gettext("Time")}: ${ui.absolute(result.started_at)}`);
        lines.push(`${gettext("Plugin")}: ${result.plugin_version}`);
        return lines.join("\n");
    };
})((window.ObicoUI = window.ObicoUI || {}));
