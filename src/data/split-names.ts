/** The parts of the data, each with a purpose of its own. */
export const splitNames = ['train', 'val', 'test'] as const;
export type SplitName = (typeof splitNames)[number];
