/** What the summary of a run says about its end. A module without others, as the command line loads it first of all. */
import type { Summary } from './summary.js';

type Status = Pick<Summary, 'status' | 'reason'>;

/** Whether the run was stopped before its end, so that it can be resumed. */
export const isResumable = ({ status, reason }: Status): boolean => status === 'interrupted' || reason === 'max_time';

/** Whether the run is complete. A run that failed is neither. */
export const hasFinished = (summary: Status): boolean =>
  (summary.status === 'completed' || summary.status === 'early_stopped') && !isResumable(summary);
