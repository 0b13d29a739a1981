// Number words in English and German, each word with what it expresses: the rules of
// seq2seq_lib/tasks/numerals.py, for whole numbers from 1 to 999,999,999,999.

export const LARGEST = 999_999_999_999;

const ONES = {
  en: ["", ..."one two three four five six seven eight nine".split(" ")],
  de: ["", ..."eins zwei drei vier fünf sechs sieben acht neun".split(" ")],
};
const TEENS = {
  en: ("ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen " +
    "nineteen").split(" "),
  de: ("zehn|elf|zwölf|drei zehn|vier zehn|fünf zehn|sechzehn|siebzehn|acht zehn|" +
    "neun zehn").split("|"),
};
const TENS = {
  en: ["", "", ..."twenty thirty forty fifty sixty seventy eighty ninety".split(" ")],
  de: ["", "", ...("zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig " +
    "neunzig").split(" ")],
};
const SCALES = {
  en: ["", "thousand", "million", "billion"],
  de: ["", "tausend", "million", "milliarde"],
};

const word = (token, ...meanings) => ({ token, meanings });
const digit = (place) => `digit ${place}`;

/** What stands below a hundred; `one` is the form of a last one. */
function small(code, value, place, one) {
  const [ten, unit] = [Math.floor(value / 10), value % 10];
  const units = () => word(ten === 0 && unit === 1 ? one : ONES[code][unit], digit(place));
  if (value === 0) return [];
  if (ten === 0) return [units()];
  if (ten === 1) {
    const parts = TEENS[code][unit].split(" ");
    if (parts.length === 2) {
      return [word(parts[0], digit(place)), word(parts[1], digit(place + 1))];
    }
    return [word(parts[0], digit(place + 1), ...(unit ? [digit(place)] : []))];
  }
  const tens = word(TENS[code][ten], digit(place + 1));
  if (unit === 0) return [tens];
  if (code === "en") return [tens, units()];
  const first = unit === 1 ? "ein" : ONES.de[unit]; // ein und zwanzig
  return [word(first, digit(place)), word("und"), tens];
}

/** The words of three digits that stand before a scale. */
function group(code, value, scale) {
  const place = 3 * scale;
  const [hundred, rest] = [Math.floor(value / 100), value % 100];
  const one = code === "en" ? "one" : ["eins", "ein", "eine", "eine"][scale];
  const words = [];
  if (hundred) {
    const first = code === "de" && hundred === 1 ? "ein" : ONES[code][hundred];
    words.push(word(first, digit(place + 2)));
    words.push(word(code === "en" ? "hundred" : "hundert", `hundred ${scale}`));
    if (rest && code === "en") words.push(word("and"));
  }
  words.push(...small(code, rest, place, one));
  if (scale) {
    const many = code === "de" && scale > 1 && value > 1;
    const ending = many ? (scale === 3 ? "n" : "en") : "";
    words.push(word(SCALES[code][scale] + ending, `scale ${scale}`));
  }
  return words;
}

/**
 * The words of a number.
 *
 * @param {number} n from 1 to LARGEST
 * @param {"en"|"de"} code the language
 * @returns {{token: string, meanings: string[]}[]}
 */
export function numberWords(n, code) {
  const words = [];
  for (const scale of [3, 2, 1, 0]) {
    const value = Math.floor(n / 1000 ** scale) % 1000;
    if (!value) continue;
    const joined = words.length && code === "en" && scale === 0 && value < 100;
    if (joined) words.push(word("and"));
    words.push(...group(code, value, scale));
  }
  return words;
}

/** The gold alignment: pairs (target position, source position) that share a meaning. */
export function links(n) {
  const [src, tgt] = [numberWords(n, "en"), numberWords(n, "de")];
  return tgt.flatMap((target, t) =>
    src.flatMap((source, s) =>
      target.meanings.some((meaning) => source.meanings.includes(meaning)) ? [[t, s]] : [],
    ),
  );
}

/** The number that English words name, or null if they are no number as we write it. */
export function valueOf(words) {
  const values = new Map();
  for (let n = 1; n < 100; n++) {
    const said = numberWords(n, "en");
    if (said.length === 1) values.set(said[0].token, n);
  }
  let [total, value] = [0, 0];
  for (const token of words) {
    const scale = SCALES.en.indexOf(token);
    if (values.has(token)) value += values.get(token);
    else if (token === "hundred") value *= 100;
    else if (scale > 0) [total, value] = [total + value * 1000 ** scale, 0];
    else if (token !== "and") return null;
  }
  const n = total + value;
  if (!(n >= 1 && n <= LARGEST)) return null;
  const said = numberWords(n, "en").map(({ token }) => token);
  return said.join(" ") === words.join(" ") ? n : null;
}

/**
 * What a reader typed, as a number and its English words.
 *
 * @returns {{n: number|null, words: string[], error: string}} `error` is a sentence, or ""
 */
export function read(text) {
  const typed = text.normalize("NFC").trim().toLowerCase();
  const none = { n: null, words: [] };
  if (!typed) return { ...none, error: "Type a number, in digits or in English words." };
  if (/^[\d\s.,'_]+$/.test(typed)) {
    const digits = typed.replace(/\D/g, "").replace(/^0+/, "");
    if (!digits) return { ...none, error: "The smallest number here is 1." };
    if (digits.length > 12) {
      return { ...none, error: "Twelve digits are the most: 999,999,999,999." };
    }
    const n = Number(digits);
    return { n, words: numberWords(n, "en").map(({ token }) => token), error: "" };
  }
  const words = typed.split(/[\s,-]+/).filter(Boolean);
  if (words.length > 40) {
    return { ...none, error: `That is ${words.length} words; 40 are the most.` };
  }
  return { n: valueOf(words), words, error: "" };
}
