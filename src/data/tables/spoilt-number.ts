/** Malformed numbers, as spreadsheets and other locales write them. */

const UNSIGNED = String.raw`\d+(?:[.,]\d+)*`;
const SIGNED = String.raw`[+\-\u2212]?\s?${UNSIGNED}`;

const forms: readonly (readonly [form: RegExp, hint: string])[] = [
  [/^[+-]?\d+,\d+$/, 'a comma in a number: write decimals with a point, and thousands without a separator'],
  [
    /^[+-]?\d{1,3}(?:[.,]\d{3})+(?:[.,]\d+)?$/,
    'separators in a number: write decimals with a point, and thousands without any',
  ],
  [new RegExp(`^${SIGNED}\\s?%$`), 'a percentage: write the number alone'],
  [
    new RegExp(`^(?:${SIGNED}\\s?\\p{Sc}|[+\\-\u2212]?\\p{Sc}\\s?${UNSIGNED})$`, 'u'),
    'an amount of money: write the number alone',
  ],
  [/^[+-]?inf(?:inity)?$/i, 'an infinite value: remove the row, or list the text under data.source.missing_values'],
  [new RegExp(`^\u2212${UNSIGNED}$`), 'its minus is not the hyphen "-"'],
];

/** How to fix `text` if it is a malformed number; else undefined. */
export const howSpoilt = (text: string): string | undefined => {
  const trimmed = text.trim();
  return forms.find(([form]) => form.test(trimmed))?.[1];
};
