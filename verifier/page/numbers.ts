/** Lists of numbers that grow without an object for each. */

abstract class Numbers<T extends Int32Array | Float64Array> {
  length = 0;
  protected abstract room: T;

  protected abstract make(size: number): T;

  push(value: number): void {
    if (this.length === this.room.length) {
      const larger = this.make(2 * this.room.length);
      larger.set(this.room);
      this.room = larger;
    }
    this.room[this.length] = value;
    this.length += 1;
  }

  /** The number at `at`; -1 where there is none. */
  at(at: number): number {
    return at < this.length ? this.room[at]! : -1;
  }

  set(at: number, value: number): void {
    this.room[at] = value;
  }

  /** Of ascending numbers: where the first is that is not below `value`. */
  search(value: number): number {
    let [low, high] = [0, this.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.room[middle]! < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

export class Ints extends Numbers<Int32Array> {
  protected room = new Int32Array(1024);

  protected make(size: number): Int32Array<ArrayBuffer> {
    return new Int32Array(size);
  }
}

export class Doubles extends Numbers<Float64Array> {
  protected room = new Float64Array(1024);

  protected make(size: number): Float64Array<ArrayBuffer> {
    return new Float64Array(size);
  }
}
