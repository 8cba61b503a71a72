// ReDoc draws its maker's logo from another host. Nothing of this site comes from elsewhere, so it gets none.
const isFromElsewhere = (address) => /^https?:/.test(address) && !String(address).startsWith(location.origin);

const source = Object.getOwnPropertyDescriptor(HTMLImageElement.prototype, "src");
Object.defineProperty(HTMLImageElement.prototype, "src", {
  ...source,
  set(address) {
    if (!isFromElsewhere(address)) source.set.call(this, address);
  },
});

HTMLImageElement.prototype.setAttribute = function (name, value) {
  if (name !== "src" || !isFromElsewhere(value)) Element.prototype.setAttribute.call(this, name, value);
};
