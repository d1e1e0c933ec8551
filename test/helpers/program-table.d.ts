export function missingPrograms(): string[];
export function findProgram(name: string): string | undefined;
export function installCommand(names: readonly string[]): string;
