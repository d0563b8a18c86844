// Runs one action of a client and prints what came of it, as one JSON line.
export async function step(name, action) {
  try {
    const value = await action();
    console.log(JSON.stringify({ step: name, ok: true, value: value ?? null }));
    return value;
  } catch (error) {
    const first = Array.isArray(error) ? error[0] : error; // a batch fails with a list
    const { status, code, message } = { ...first, message: first.message, ...first.error };
    console.log(JSON.stringify({ step: name, ok: false, error: { status, code, message } }));
    return undefined;
  }
}
