/* The six boxes of the code. */
(function (ui) {
    "use strict";

    const LENGTH = 6;

    /** The digits of what was typed or pasted; those of other scripts' full width as well. */
    function digitsOf(text) {
        return text.normalize("NFKC").replace(/\D/g, "");
    }

    ui.CodeBoxes = class CodeBoxes {
        /**
         * options: root is the selector of the page that holds the boxes; locked() tells whether
         * they may not be changed just now; onComplete() is called with the digit that completes
         * the code; onEnter() when Enter is pressed in a box.
         */
        constructor(options) {
            this._options = options;
            this.digits = _.range(LENGTH).map((index) => this._digit(index));
            this.code = ko.pureComputed(() => this.digits.map((each) => each.value()).join(""));
            this.complete = ko.pureComputed(() => this.code().length === LENGTH);
        }

        clear() {
            this.digits.forEach((each) => each.value(""));
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
            const original = event.originalEvent || {};
            if (original.isComposing && event.type !== "compositionend") {
                return; // an input method is not done yet; its end comes as an event of its own
            }
            // A single key replaces the box's digit, wherever the cursor stands in it
            const data = original.data;
            const typed = data && data.length === 1 ? data : event.target.value;
            const found = digitsOf(typed);
            const emptied = !event.target.value;
            // Before the focus moves on, so that the box never holds anything but its digit
            event.target.value = this.digits[index].value();
            if (found || emptied) {
                this._fill(index, found);
            }
        }

        _onPaste(index, event) {
            const clipboard = event.originalEvent.clipboardData || window.clipboardData;
            const found = digitsOf(clipboard.getData("text"));
            if (found) {
                this._fill(found.length >= LENGTH ? 0 : index, found);
            }
            return false;
        }

        /** Put digits into the boxes from `index` on. */
        _fill(index, found) {
            if (this._options.locked()) {
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
                this._options.onComplete();
            }
        }

        _onKey(index, event) {
            if (event.key === "Backspace" && !event.target.value && index > 0) {
                this.digits[index - 1].value("");
                this.focus(index - 1);
                return false;
            }
            const goals = {ArrowLeft: index - 1, ArrowRight: index + 1, Home: 0, End: LENGTH - 1};
            if (event.key in goals) {
                this.focus(goals[event.key]);
                return false;
            }
            if (event.key === "Enter") {
                this._options.onEnter();
                return false;
            }
            return true;
        }
    };
})((window.ObicoUI = window.ObicoUI || {}));
