/** The integer `1234567` as `1,234,567`; `toLocaleString` would take 40 ms to load its tables. */
// eslint-disable-next-line regexp/no-super-linear-move -- a number has at most 22 digits
export const formatCount = (count: number): string => String(count).replace(/\B(?=(?:\d{3})+$)/g, ',');
