/** The line on which each row of a text file begins. Most rows take one line, so only the exceptions are stored. */
export class LineIndex {
  size = 0;
  private readonly rows: number[] = [];
  private readonly lines: number[] = [];
  private expected = -1;

  push(line: number): void {
    if (line !== this.expected) {
      this.rows.push(this.size);
      this.lines.push(line);
    }
    this.size++;
    this.expected = line + 1;
  }

  lineOf(row: number): number {
    let [low, high] = [0, this.rows.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.rows[middle] <= row) low = middle;
      else high = middle;
    }
    return this.lines[low] + row - this.rows[low];
  }
}
