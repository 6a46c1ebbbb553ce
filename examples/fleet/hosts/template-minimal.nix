# What a new machine starts from. It does not know our cache yet.
{ settings, ... }:
{
  hostName = "template-minimal";
  caches = [ settings.upstream ];
}
