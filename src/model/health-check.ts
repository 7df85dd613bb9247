/** One thing that `doctor` looked at. */
export interface HealthCheck {
  readonly name: string;
  readonly result: 'ok' | 'warning' | 'failure';
  /** One line. */
  readonly detail: string;
  /** What to do: a command, or what to write where. */
  readonly hint?: string | undefined;
}
