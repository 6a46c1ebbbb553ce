{
  config.system.build.toplevel = notDefinedAnywhere;
}
