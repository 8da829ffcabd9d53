/**
 * Public holidays that all of a country has, by rule: fixed days and days counted from Easter. Regional ones, and days that
 * move when they fall on a weekend, are not in it; `special_events` takes them.
 */

type Rule =
  | { readonly name: string; readonly day: string }
  /** Days after Easter Sunday. */
  | { readonly name: string; readonly easter: number }
  /** The nth (from 1, or -1: the last) weekday (0: Sunday) of a month (from 1). */
  | { readonly name: string; readonly month: number; readonly weekday: number; readonly nth: number };

const fixed = (name: string, day: string): Rule => ({ name, day });
const easter = (name: string, days: number): Rule => ({ name, easter: days });
const nth = (name: string, month: number, weekday: number, n: number): Rule => ({ name, month, weekday, nth: n });

const NEW_YEAR = fixed('New Year', '01-01');
const EPIPHANY = fixed('Epiphany', '01-06');
const GOOD_FRIDAY = easter('Good Friday', -2);
const EASTER_MONDAY = easter('Easter Monday', 1);
const ASCENSION = easter('Ascension Day', 39);
const WHIT_MONDAY = easter('Whit Monday', 50);
const CORPUS_CHRISTI = easter('Corpus Christi', 60);
const LABOUR_DAY = fixed('Labour Day', '05-01');
const ASSUMPTION = fixed('Assumption', '08-15');
const ALL_SAINTS = fixed('All Saints', '11-01');
const CHRISTMAS = fixed('Christmas', '12-25');
const BOXING_DAY = fixed('Second Christmas Day', '12-26');
const IMMACULATE = fixed('Immaculate Conception', '12-08');

/** By ISO 3166 code. */
export const COUNTRIES: Readonly<Record<string, readonly Rule[]>> = {
  AT: [
    NEW_YEAR,
    EPIPHANY,
    EASTER_MONDAY,
    LABOUR_DAY,
    ASCENSION,
    WHIT_MONDAY,
    CORPUS_CHRISTI,
    ASSUMPTION,
    fixed('National Day', '10-26'),
    ALL_SAINTS,
    IMMACULATE,
    CHRISTMAS,
    BOXING_DAY,
  ],
  BE: [
    NEW_YEAR,
    EASTER_MONDAY,
    LABOUR_DAY,
    ASCENSION,
    WHIT_MONDAY,
    fixed('National Day', '07-21'),
    ASSUMPTION,
    ALL_SAINTS,
    fixed('Armistice', '11-11'),
    CHRISTMAS,
  ],
  CA: [NEW_YEAR, GOOD_FRIDAY, fixed('Canada Day', '07-01'), nth('Labour Day', 9, 1, 1), CHRISTMAS],
  DE: [
    NEW_YEAR,
    GOOD_FRIDAY,
    EASTER_MONDAY,
    LABOUR_DAY,
    ASCENSION,
    WHIT_MONDAY,
    fixed('German Unity Day', '10-03'),
    CHRISTMAS,
    BOXING_DAY,
  ],
  ES: [
    NEW_YEAR,
    EPIPHANY,
    GOOD_FRIDAY,
    LABOUR_DAY,
    ASSUMPTION,
    fixed('National Day', '10-12'),
    ALL_SAINTS,
    fixed('Constitution Day', '12-06'),
    IMMACULATE,
    CHRISTMAS,
  ],
  FR: [
    NEW_YEAR,
    EASTER_MONDAY,
    LABOUR_DAY,
    fixed('Victory Day', '05-08'),
    ASCENSION,
    WHIT_MONDAY,
    fixed('Bastille Day', '07-14'),
    ASSUMPTION,
    ALL_SAINTS,
    fixed('Armistice', '11-11'),
    CHRISTMAS,
  ],
  GB: [
    NEW_YEAR,
    GOOD_FRIDAY,
    nth('Early May bank holiday', 5, 1, 1),
    nth('Spring bank holiday', 5, 1, -1),
    CHRISTMAS,
    fixed('Boxing Day', '12-26'),
  ],
  IT: [
    NEW_YEAR,
    EPIPHANY,
    EASTER_MONDAY,
    fixed('Liberation Day', '04-25'),
    LABOUR_DAY,
    fixed('Republic Day', '06-02'),
    ASSUMPTION,
    ALL_SAINTS,
    IMMACULATE,
    CHRISTMAS,
    BOXING_DAY,
  ],
  NL: [
    NEW_YEAR,
    easter('Easter Sunday', 0),
    EASTER_MONDAY,
    ASCENSION,
    WHIT_MONDAY,
    fixed("King's Day", '04-27'),
    CHRISTMAS,
    BOXING_DAY,
  ],
  PL: [
    NEW_YEAR,
    EPIPHANY,
    EASTER_MONDAY,
    LABOUR_DAY,
    fixed('Constitution Day', '05-03'),
    CORPUS_CHRISTI,
    ASSUMPTION,
    ALL_SAINTS,
    fixed('Independence Day', '11-11'),
    CHRISTMAS,
    BOXING_DAY,
  ],
  PT: [
    NEW_YEAR,
    GOOD_FRIDAY,
    fixed('Freedom Day', '04-25'),
    LABOUR_DAY,
    CORPUS_CHRISTI,
    fixed('Portugal Day', '06-10'),
    ASSUMPTION,
    fixed('Republic Day', '10-05'),
    ALL_SAINTS,
    fixed('Restoration of Independence', '12-01'),
    IMMACULATE,
    CHRISTMAS,
  ],
  US: [
    NEW_YEAR,
    nth('Martin Luther King Day', 1, 1, 3),
    nth('Presidents Day', 2, 1, 3),
    nth('Memorial Day', 5, 1, -1),
    fixed('Juneteenth', '06-19'),
    fixed('Independence Day', '07-04'),
    nth('Labor Day', 9, 1, 1),
    nth('Columbus Day', 10, 1, 2),
    fixed('Veterans Day', '11-11'),
    nth('Thanksgiving', 11, 4, 4),
    CHRISTMAS,
  ],
};

const FIRST_YEAR = 2020;
const LAST_YEAR = 2050;
const DAY = 86_400_000;
const iso = (at: number): string => new Date(at).toISOString().slice(0, 10);

/** Gregorian Easter Sunday (Meeus, Jones, Butcher), as UTC midnight. */
export function easterOf(year: number): number {
  const a = year % 19;
  const b = Math.floor(year / 100);
  const c = year % 100;
  const d = (19 * a + b - Math.floor(b / 4) - Math.floor((b - Math.floor((b + 8) / 25) + 1) / 3) + 15) % 30;
  const e = (32 + 2 * (b % 4) + 2 * Math.floor(c / 4) - d - (c % 4)) % 7;
  const f = d + e - 7 * Math.floor((a + 11 * d + 22 * e) / 451) + 114;
  return Date.UTC(year, Math.floor(f / 31) - 1, (f % 31) + 1);
}

function nthWeekday(year: number, month: number, weekday: number, n: number): number {
  if (n < 0) {
    const last = Date.UTC(year, month, 0);
    return last - ((new Date(last).getUTCDay() - weekday + 7) % 7) * DAY;
  }
  const first = Date.UTC(year, month - 1, 1);
  return first + (((weekday - new Date(first).getUTCDay() + 7) % 7) + 7 * (n - 1)) * DAY;
}

/** Local days (`2026-12-25`) with their names, of the years 2020 to 2050. */
export function holidaysOf(country: string): ReadonlyMap<string, string> {
  const out = new Map<string, string>();
  for (let year = FIRST_YEAR; year <= LAST_YEAR; year += 1)
    for (const rule of COUNTRIES[country] ?? []) {
      if ('day' in rule) out.set(`${year}-${rule.day}`, rule.name);
      else if ('easter' in rule) out.set(iso(easterOf(year) + rule.easter * DAY), rule.name);
      else out.set(iso(nthWeekday(year, rule.month, rule.weekday, rule.nth)), rule.name);
    }
  return out;
}
