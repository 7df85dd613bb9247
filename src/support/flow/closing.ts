/** Says what is to be closed at the end of the work that opened it. */
export type OnClose = (close: () => Promise<void>) => void;

/**
 * Does work, and closes what it has opened by then, all at once, whether it ends well or fails at whatever point. The work's
 * own failure goes before one of closing.
 */
export async function withClosing<T>(work: (onClose: OnClose) => Promise<T>): Promise<T> {
  const opened: (() => Promise<void>)[] = [];
  const closeAll = async () => {
    const endings = await Promise.allSettled(opened.map((close) => close()));
    return endings.find((ending) => ending.status === 'rejected');
  };
  let result: T;
  try {
    result = await work((close) => opened.push(close));
  } catch (error) {
    await closeAll();
    throw error;
  }
  const failed = await closeAll();
  if (failed !== undefined) throw failed.reason;
  return result;
}
