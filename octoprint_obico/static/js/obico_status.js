/* The column "Plugin Status": what is true of the connections just now. */
(function (ui) {
    "use strict";

    ui.StatusColumn = class StatusColumn {
        constructor() {
            this.data = ko.observable(null);
            this.failure = ko.observable("");
            /** OctoPrint's time in milliseconds: ages must not depend on this device's clock. */
            this.now = ko.observable(Date.now());
            this.known = ko.pureComputed(() => this.data() !== null);
            this.linked = ko.pureComputed(() => this.known() && this.data().linked);
            this.unlinked = ko.pureComputed(() => this.known() && !this.data().linked);
            this.printer = ko.pureComputed(() => (this.linked() && this.data().printer) || {});
            this.printerName = ko.pureComputed(() => this._printerName());
            this.account = ko.pureComputed(() => this._account());
            /** Why another plugin and this one cannot be enabled together; "" where there is none. */
            this.conflict = ko.pureComputed(() => (this.known() && this.data().conflict) || "");
            this.server = ko.pureComputed(() => this._server());
            this.channels = ko.pureComputed(() => this._channels());
            /** What is to be said of the printer's events that have not arrived; mostly "". */
            this.events = ko.pureComputed(() => this._events());
            this.eventsTrouble = ko.pureComputed(() => this._hasEventsTrouble());
            this.webcams = ko.pureComputed(() => this._webcams());
            this.versions = ko.pureComputed(() => this._versions());
            this.stale = ko.pureComputed(() => this._stale());
            this.reportUrl = OctoPrint.plugins.obico.url("report");
            this.refresh = ui.coalesced(() => this._fetch(OctoPrint.plugins.obico.getStatus()));
            /** For what is shown while nobody looks at this column: icon and notices. */
            this.peek = ui.coalesced(() => this._fetch(OctoPrint.plugins.obico.peekStatus()));
        }

        _fetch(request) {
            return request
                .done((data) => this._take(data))
                .fail((xhr) => this.failure(ui.failureText(xhr)));
        }

        _take(data) {
            this.failure("");
            this.now(Date.parse(data.now));
            // The same again must not rebuild rows under the reader's pointer
            const news = _.omit(data, "now");
            if (!_.isEqual(news, this.data())) {
                this.data(news);
            }
        }

        _stale() {
            if (!this.failure() || !this.known()) {
                return "";
            }
            const at = {time: moment(this.now()).format("HH:mm:ss")};
            return _.sprintf(gettext("What is shown below was so at %(time)s."), at);
        }

        _printerName() {
            if (!this.linked()) {
                return "";
            }
            const printer = this.printer();
            return printer.name || (printer.id ? `#${printer.id}` : gettext("linked"));
        }

        _account() {
            const plans = {free: gettext("Free"), pro: gettext("Pro")};
            const plan = this.known() ? this.data().account : null;
            return plan ? plans[plan] || plan : "";
        }

        _server() {
            if (!this.known()) {
                const unknown = ui.stateLook("unknown");
                return Object.assign(unknown, {word: gettext("Asking…"), text: "", trouble: false});
            }
            const server = this.data().server;
            const row = this._row(server);
            row.trouble = server.state === "disconnected" || server.state === "error";
            // Where all is well, the line of the channels below says the same
            row.text = server.state === "okay" ? "" : this._serverText(server);
            return row;
        }

        _serverText(server) {
            if (server.reason === "connecting") {
                return gettext("Connecting…");
            }
            if (!server.heals_at) {
                return server.text;
            }
            const heals = gettext("Turns Okay by itself at %(time)s if nothing fails any more.");
            const at = {time: ui.clock(server.heals_at, this.now())};
            return `${server.text} ${_.sprintf(heals, at)}`;
        }

        /** What all rows have: icon, word, since when. */
        _row(part) {
            const since = part.since;
            return Object.assign(ui.stateLook(part.state), {
                text: part.text,
                since: ko.pureComputed(() => (since ? this._since(since) : "")),
                sinceTitle: ui.absolute(since)
            });
        }

        _since(iso) {
            return _.sprintf(gettext("since %(clock)s (%(span)s)"), {
                clock: ui.clock(iso, this.now()),
                span: ui.span(iso, this.now())
            });
        }

        _channels() {
            if (!this.linked()) {
                return [];
            }
            const channels = this.data().channels;
            const names = {http: "HTTP", websocket: "WebSocket"};
            // The row's own text explains a cause that both have in common
            const common = channels.http.cause === channels.websocket.cause;
            return Object.keys(names).map((id) => {
                const channel = channels[id];
                const look = ui.channelLook(channel.state);
                return Object.assign(look, {
                    name: names[id],
                    cause: common ? "" : channel.cause_title,
                    title: this._channelTitle(channel)
                });
            });
        }

        _events() {
            const events = this.known() && this.data().events;
            if (!events) {
                return "";
            }
            const texts = [events.text, events.problem_text];
            if (events.text && events.oldest_at) {
                const at = {time: ui.clock(events.oldest_at, this.now())};
                texts.splice(1, 0, _.sprintf(gettext("The oldest is from %(time)s."), at));
            }
            return texts.filter(Boolean).join(" ");
        }

        _hasEventsTrouble() {
            const events = this.known() && this.data().events;
            return Boolean(events && events.problem_text);
        }

        _channelTitle(channel) {
            if (!channel.last_success_at) {
                return gettext("No success in this session");
            }
            const at = {time: ui.absolute(channel.last_success_at)};
            return _.sprintf(gettext("Last success: %(time)s"), at);
        }

        _webcams() {
            const webcams = this.known() ? this.data().webcams : [];
            return webcams.map((webcam) => {
                const row = this._row(webcam);
                const named = gettext("Connection to webcam “%(name)s”:");
                row.label =
                    webcams.length > 1
                        ? _.sprintf(named, webcam)
                        : gettext("Connection to webcam:");
                row.trouble = webcam.state === "error";
                row.explained = webcam.state !== "okay";
                return row;
            });
        }

        _versions() {
            const versions = gettext("Plugin %(plugin_version)s, OctoPrint %(octoprint_version)s");
            return this.known() ? _.sprintf(versions, this.data()) : "";
        }
    };
})((window.ObicoUI = window.ObicoUI || {}));
