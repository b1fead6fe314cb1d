/** Check what a reader answers to the exercises of a page, and remember what is solved. */
(function () {
  "use strict";

  /**
   * The number that a text is, or NaN. Digits may be full-width, the decimals may follow
   * a comma, thousands be apart, and a unit of one character may be at the end.
   */
  function numberOf(text) {
    const plain = text.normalize("NFKC").replace(/\s/g, "").replace("−", "-").replace(/[%°]$/, "");
    if (plain === "") return NaN;
    const hasThousands = /^[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?$/.test(plain);
    return Number(hasThousands ? plain.replaceAll(",", "") : plain.replace(",", "."));
  }

  /** What is to be said of a number: names of parts of the feedback. */
  function judgeNumber(input) {
    const number = numberOf(input.value);
    if (Number.isNaN(number)) return ["no-number"];
    if (number < Number(input.dataset.low)) return ["small", "hint-0"];
    if (number > Number(input.dataset.high)) return ["large", "hint-0"];
    return ["right"];
  }

  /** What is to be said of a choice, or of none. */
  function judgeChoice(choice) {
    return choice ? [choice.dataset.verdict, `hint-${choice.value}`] : ["no-choice"];
  }

  /** Marks of the exercises that were solved; a browser may refuse to keep any. */
  const marks = {
    key: (name) => `skgd-exercise:${name}`,
    add(name) {
      try {
        localStorage.setItem(this.key(name), "solved");
      } catch {
        // Then the mark stays for this visit only.
      }
    },
    has(name) {
      try {
        return localStorage.getItem(this.key(name)) !== null;
      } catch {
        return false;
      }
    },
  };

  function prepare(exercise) {
    const { name } = exercise.dataset;
    const form = exercise.querySelector("form");
    const feedback = exercise.querySelectorAll(".exercise-feedback > [data-says]");
    const mark = exercise.querySelector(".exercise-solved");
    const input = form.querySelector("[data-low]");

    const say = (...what) => {
      for (const part of feedback) part.hidden = !what.includes(part.dataset.says);
    };
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const said = input ? judgeNumber(input) : judgeChoice(form.querySelector(":checked"));
      say(...said);
      if (said.includes("right")) {
        marks.add(name);
        mark.hidden = false;
      }
    });
    // What was said is of the former answer.
    form.addEventListener("input", () => say());
    for (const part of form.querySelectorAll("[hidden]")) part.hidden = false;
    mark.hidden = !marks.has(name);
    exercise.classList.add("exercise-ready");
  }

  for (const exercise of document.querySelectorAll(".exercise")) prepare(exercise);
})();
