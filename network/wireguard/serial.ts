/** Runs one task at a time, in the order of the calls; a task that fails does not hold up the next. */
export function serial(): <T>(task: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    const result = last.then(task, task);
    // Its caller hears of a failure; here it only has to be over.
    last = result.catch(() => {});
    return result;
  };
}
