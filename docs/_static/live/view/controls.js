/** Parts of a page: elements, buttons, selects and sliders with their labels. */
(function (live) {
  "use strict";

  let count = 0; // of labelled controls, for ids that no other has

  /** Make an element with attributes and children, which may be strings. */
  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  function makeButton(text, onClick, attributes = {}) {
    const button = make("button", { type: "button", ...attributes }, text);
    button.addEventListener("click", onClick);
    return button;
  }

  function labelled(text, name, control, ...more) {
    control.id = `live-control-${(count += 1)}`;
    control.dataset.name = name;
    const label = make("label", { for: control.id }, text);
    return make("div", { class: "live-control" }, label, control, ...more);
  }

  /**
   * A select.
   *
   * @param {string} text - Its label.
   * @param {string} name - Of the setting.
   * @param {Object<string, string>} options - From values to what a reader sees.
   * @param {function(string)} onChange - Gets the value that was chosen.
   * @returns {{element: HTMLElement, show: function(*)}}
   */
  function makeSelect(text, name, options, onChange) {
    const select = make("select");
    // A list, as an object would put whole numbers first.
    for (const [value, words] of options) select.append(make("option", { value }, words));
    select.addEventListener("change", () => onChange(select.value));
    const element = labelled(text, name, select);
    return { element, show: (value) => (select.value = String(value)) };
  }

  /**
   * A slider over a list of numbers, with the one that is chosen beside its label.
   *
   * @param {string} text
   * @param {string} name
   * @param {number[]} values - In ascending order.
   * @param {function(number)} onChange
   * @returns {{element: HTMLElement, show: function(number), enable: function(boolean)}}
   */
  function makeSlider(text, name, values, onChange) {
    const slider = make("input", { type: "range", min: 0, max: values.length - 1, step: 1 });
    const output = make("output");
    const write = () => {
      const words = String(values[slider.value]);
      output.textContent = words;
      slider.setAttribute("aria-valuetext", words);
    };
    slider.addEventListener("input", () => {
      write();
      onChange(values[slider.value]);
    });
    const element = labelled(text, name, slider, output);
    output.htmlFor = slider.id;
    return {
      element,
      show(value) {
        const distances = values.map((other) => Math.abs(Math.log(other / value)));
        slider.value = distances.indexOf(Math.min(...distances));
        write();
      },
      enable(isEnabled) {
        slider.disabled = !isEnabled;
        element.classList.toggle("live-off", !isEnabled);
      },
    };
  }

  /** All numbers of two digits from 0.001 to 10. */
  function learningRates() {
    const rates = [];
    for (let power = -4; power < 0; power++) {
      for (let digits = 10; digits < 100; digits++) rates.push(Number(`${digits}e${power}`));
    }
    return [...rates, 10];
  }

  live.controls = { make, makeButton, makeSelect, makeSlider, learningRates };
})((window.liveDescent = window.liveDescent || {}));
