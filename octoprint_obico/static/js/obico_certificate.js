/* Certificates: accepting the one that a server shows, and a file with authorities to trust. */
(function (ui) {
    "use strict";

    /** Causes that accepting the certificate mends; dates are none of them. */
    const ACCEPTABLE = ["tls_self_signed", "tls_untrusted_issuer", "tls_hostname_mismatch"];

    /** A certificate as the plugin describes it, in words; what cannot be read shows as a dash. */
    function described(certificate) {
        const shown = (text) => text || "–";
        const day = (iso) => (iso ? moment(iso).format("LL") : "–");
        return {
            subject: shown(certificate.subject),
            issuer:
                certificate.issuer === certificate.subject
                    ? gettext("itself")
                    : shown(certificate.issuer),
            names: shown(certificate.names.join(", ")),
            validity: _.sprintf(gettext("%(from)s to %(to)s"), {
                from: day(certificate.not_before),
                to: day(certificate.not_after)
            }),
            until: day(certificate.not_after),
            // in pairs, so that it breaks between them
            sha256: shown(certificate.sha256).match(/[^:]+:?/g)
        };
    }

    ui.CertificateOffer = class CertificateOffer {
        /**
         * options: root is the selector of the page that holds the panel; mayAccept() tells
         * whether this user may; onAccepted() is called when the certificate has been accepted.
         */
        constructor(options) {
            this._options = options;
            this._fingerprint = "";
            this.server = ko.observable("");
            this.certificate = ko.observable(null);
            this.opened = ko.observable(false);
            this._run = new ui.BackgroundRun({
                ask: () => OctoPrint.plugins.obico.getCertificate(),
                onOutcome: (outcome) => this._end(outcome),
                onFailure: (text) => this._say(text),
                endless: gettext("The plugin does not come to an end. Try again.")
            });
            this.running = this._run.running;
            this.failure = ko.observable("");
            this.remedy = ko.observableArray([]);
            this.offered = ko.pureComputed(() => !!this.certificate() && options.mayAccept());
        }

        /** Offer the certificate of a finished test, where it is what the test stumbled over. */
        offerResult(result) {
            const check = result && result.checks.find((each) => each.id === "tls");
            const failed = check && ACCEPTABLE.indexOf(result.cause) >= 0;
            this.offer(failed ? check.evidence.certificate : null, result && result.server);
        }

        /** Offer a certificate, or none. */
        offer(certificate, server) {
            this.opened(false);
            this._say("");
            // The cloud's is a public one: where another is shown, somebody stands in between
            const own = certificate && !`${server}/`.startsWith(`${ui.DEFAULT_ADDRESS}/`);
            this._fingerprint = own ? certificate.sha256 : "";
            this.server(server || "");
            this.certificate(own ? described(certificate) : null);
        }

        open() {
            this._say("");
            this.opened(true);
            this._focusHeading();
        }

        close() {
            this.opened(false);
        }

        /** Accept what is shown; the plugin looks whether the server still shows the same. */
        accept(model, event) {
            // A double click's second half must not accept what the first one brought to light
            if (this.running() || (event.originalEvent && event.originalEvent.detail > 1)) {
                return;
            }
            this._say("");
            this._run.start(() =>
                OctoPrint.plugins.obico.acceptCertificate(this._fingerprint, this.server())
            );
        }

        /** The plugin announces news: ask for them. */
        onNews(topic) {
            if (topic === "certificate") {
                this._run.refresh();
            }
        }

        _end(outcome) {
            if (outcome.ok) {
                this.offer(null);
                this._options.onAccepted();
            } else if (this.offered()) {
                this._refused(outcome);
            }
        }

        /** It shows another one now, which is to be compared anew, or none at all. */
        _refused(outcome) {
            if (outcome.certificate) {
                this.offer(outcome.certificate, outcome.server);
                this.opened(true);
            }
            this._say(outcome.text, outcome.remedy);
        }

        /** Say why it was not accepted; "" for nothing. */
        _say(text, remedy) {
            this.failure(text);
            this.remedy(remedy || []);
            // Disabled, the button has lost the focus to nothing, or to the dialog as a whole
            const active = document.activeElement;
            if (text && (!active || active.disabled || active.tabIndex < 0)) {
                this._focusHeading();
            }
        }

        _focusHeading() {
            const heading = document.querySelector(`${this._options.root} .obico-certificate h5`);
            if (heading) {
                heading.focus();
            }
        }
    };

    /** A path on OctoPrint's computer, checked while it is typed. */
    class CaFile extends ui.AddressCheck {
        constructor() {
            super(null, (path) => OctoPrint.plugins.obico.checkCaFile(path));
        }

        _message() {
            return this.ok() ? gettext("This file can be used.") : super._message();
        }
    }

    /** What is trusted beside the usual, in the settings. */
    ui.TrustSettings = class TrustSettings {
        /** mayChange() tells whether this user may see and change it. */
        constructor(settingsViewModel, mayChange) {
            this._settings = settingsViewModel;
            this._mayChange = mayChange;
            this.file = new CaFile();
            this.accepted = ko.observable(null);
            this.failure = ko.observable("");
            this.refresh = ui.coalesced(() => this._fetch());
        }

        /** Show what is stored; what was typed and not saved is forgotten. */
        reset() {
            this.file.text(this._setting()() || "");
            this.file.askNow();
            if (this._mayChange()) {
                this.refresh();
            }
        }

        /** OctoPrint's Save was pressed: hand the path over, or say why it is not saved. */
        beforeSave() {
            const path = this.file.text().trim();
            if (!this.file.wrong()) {
                this._setting()(path);
            } else if (path !== this._setting()()) {
                new PNotify({
                    title: gettext("CA file not saved"),
                    text: _.escape(`${path}: ${this.file.message()}`),
                    type: "error",
                    hide: false
                });
            }
        }

        /** Trust the accepted certificate no longer. */
        remove() {
            OctoPrint.plugins.obico
                .forgetCertificate()
                .done((answer) => this._show(answer))
                .fail((xhr) => this.failure(ui.failureText(xhr)));
        }

        _fetch() {
            return OctoPrint.plugins.obico
                .getCertificate()
                .done((answer) => this._show(answer))
                .fail((xhr) => this.failure(ui.failureText(xhr)));
        }

        _show(answer) {
            const accepted = answer.accepted;
            this.failure("");
            this.accepted(
                accepted && Object.assign(described(accepted), _.pick(accepted, "server", "in_use"))
            );
        }

        _setting() {
            return this._settings.settings.plugins.obico.tls_ca_file;
        }
    };
})((window.ObicoUI = window.ObicoUI || {}));
