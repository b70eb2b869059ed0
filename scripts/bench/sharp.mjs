// Makes renditions with sharp, so that ours can be measured beside it. It reads
// one order a line and answers with one line, both JSON:
//   {file, widths, jpeg, webp}          how long all renditions take, in ms
//   {file, width, format, bytes}        one rendition of so many bytes at most, in base64
import { readFile } from "node:fs/promises"
import { createInterface } from "node:readline"
import { createRequire } from "node:module"

const sharp = createRequire(`${process.argv[2]}/`)("sharp")
sharp.cache(false)

const encode = (image, format, quality) => (format === "webp" ? image.webp({ quality }) : image.jpeg({ quality })).toBuffer()

async function ladder({ file, widths, jpeg, webp }) {
  const photo = await readFile(file)
  const begin = performance.now()
  const image = sharp(photo).rotate()
  const made = await Promise.all(widths.flatMap((width) =>
    [["jpeg", jpeg], ["webp", webp]].map(([format, quality]) => encode(image.clone().resize(width), format, quality))))
  return { ms: performance.now() - begin, bytes: made.reduce((sum, b) => sum + b.length, 0) }
}

async function match({ file, width, format, bytes }) {
  const small = await sharp(await readFile(file)).rotate().resize(width).png().toBuffer()
  let best = await encode(sharp(small), format, 1)
  for (let low = 2, high = 100; low <= high;) {
    const quality = (low + high) >> 1
    const made = await encode(sharp(small), format, quality)
    if (made.length > bytes) { high = quality - 1 } else { best = made; low = quality + 1 }
  }
  return { image: best.toString("base64"), bytes: best.length }
}

console.log(JSON.stringify({ version: sharp.versions.sharp, vips: sharp.versions.vips }))
for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line)
  console.log(JSON.stringify(await (order.widths ? ladder(order) : match(order))))
}
