/* The plugin's JSON routes as OctoPrint.plugins.obico, for the pages and for the console. */
(function (global, factory) {
    if (typeof define === "function" && define.amd) {
        define(["OctoPrintClient"], factory);
    } else {
        factory(global.OctoPrintClient);
    }
})(this, function (OctoPrintClient) {
    "use strict";

    /** Milliseconds after which OctoPrint counts as not answering. */
    const LIMIT_MS = 8000;

    class OctoPrintObicoClient {
        constructor(base) {
            this.base = base;
        }

        /** The address of a route below /plugin/obico/. */
        url(route) {
            return this.base.getBlueprintUrl("obico") + route;
        }

        /** The linked printer and the state of the connections. */
        getStatus(opts) {
            return this._get("api/status", opts);
        }

        /** The same for a page in the background: the plugin does not take it as a look. */
        peekStatus(opts) {
            return this._get("api/status?peek=1", opts);
        }

        /** What has failed in this session. */
        getReport(opts) {
            return this._get("api/report", opts);
        }

        /** The diagnosis that runs, or the last one. */
        getDiagnosis(opts) {
            return this._get("api/diagnosis", opts);
        }

        /** Start a diagnosis, or join the one that runs. */
        startDiagnosis(opts) {
            return this._post("api/diagnosis", {}, opts);
        }

        /** How linking goes. */
        getLink(opts) {
            return this._get("api/link", opts);
        }

        /** Link with a 6-digit code; without a server's address, at the stored one. */
        startLink(code, server, opts) {
            return this._post("api/link", server ? {code, server} : {code}, opts);
        }

        /** How the naming of the printer goes. */
        getPrinterName(opts) {
            return this._get("api/printer_name", opts);
        }

        /** Start to give the linked printer another name. */
        namePrinter(name, opts) {
            return this._post("api/printer_name", {name}, opts);
        }

        /** Check the form of a server address. */
        checkAddress(address, opts) {
            return this._post("api/address", {address}, opts);
        }

        /** The certificate that was accepted, if any, and how accepting one goes. */
        getCertificate(opts) {
            return this._get("api/certificate", opts);
        }

        /** Start to accept this fingerprint's certificate; without an address, the stored one's. */
        acceptCertificate(sha256, server, opts) {
            return this._post("api/certificate", server ? {sha256, server} : {sha256}, opts);
        }

        /** Trust the accepted certificate no longer. */
        forgetCertificate(opts) {
            const options = Object.assign({timeout: LIMIT_MS}, opts);
            return this.base.delete(this.url("api/certificate"), options);
        }

        /** Check a file with certificates of authorities, on OctoPrint's computer. */
        checkCaFile(path, opts) {
            return this._post("api/ca_file", {path}, opts);
        }

        _get(route, opts) {
            return this.base.get(this.url(route), Object.assign({timeout: LIMIT_MS}, opts));
        }

        _post(route, data, opts) {
            const options = Object.assign({timeout: LIMIT_MS}, opts);
            return this.base.postJson(this.url(route), data, options);
        }
    }

    OctoPrintClient.registerPluginComponent("obico", OctoPrintObicoClient);
    return OctoPrintObicoClient;
});
